import type { z } from "zod";

/**
 * What a client sends where `S` is read: fields with a default may be left out, and the others are of the type that they
 * are read as, though the service takes more forms of them (a number as text, say).
 */
export type Sent<S extends z.ZodType> = Flat<
  { [K in Exclude<keyof z.output<S>, Optional<z.input<S>>>]: z.output<S>[K] } & {
    [K in keyof z.output<S> & Optional<z.input<S>>]?: z.output<S>[K] | undefined;
  }
>;

type Optional<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];

type Flat<T> = { [K in keyof T]: T[K] };
