import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { Search } from "lucide-react";
import { useEffect, useRef, useState } from "react";

/** How long typing rests before it is searched for, in milliseconds. */
const REST_MS = 250;

/** Text that is searched for when typing rests. */
export function SearchInput({
  label,
  placeholder,
  value,
  onChange,
}: {
  label: string;
  placeholder: string;
  value: string;
  onChange: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  /** What was searched for from here: it must not change what is being typed. */
  const sent = useRef(value);
  const settle = useDebouncedCallback((next: string) => {
    sent.current = next;
    onChange(next);
  }, REST_MS);
  // The address may change otherwise: by a link, by Back, by Clear.
  useEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  return (
    <TextInput
      label={label}
      placeholder={placeholder}
      leftSection={<Search size={16} aria-hidden />}
      value={text}
      onChange={({ currentTarget }) => {
        setText(currentTarget.value);
        settle(currentTarget.value.trim());
      }}
      flex="1 1 180px"
      maw={360}
    />
  );
}
