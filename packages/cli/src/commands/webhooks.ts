import { type Delivery, type Webhook, type WebhookEventName, webhookEventSchema } from "@millrace/protocol";
import { type Command, Option } from "commander";
import { connect, withUrl } from "../connection.ts";
import { UsageError } from "../exit-codes.ts";
import { findConfig } from "../find-config.ts";
import { type Output, table } from "../output.ts";

interface Common {
  readonly url?: string;
  readonly project?: string;
  readonly json?: boolean;
}

interface CreateOptions extends Common {
  readonly name?: string;
  readonly event: string[];
  readonly config: string[];
  readonly header: string[];
  readonly secretEnv?: string;
  readonly secretRef?: string;
}

const ID = "0198c0de-0000-7000-8000-000000000000";

/** `millrace webhooks …`. */
export function addWebhooks(program: Command, output: Output): void {
  const webhooks = program.command("webhooks").description("where the ends of executions are told");
  const add = (name: string, description: string) =>
    withUrl(webhooks.command(name).description(description)).option("--json", "print JSON");
  const show = (value: unknown, json: boolean | undefined, human: () => void) =>
    json ? output.line(JSON.stringify(value, null, 2)) : human();
  const several = (flags: string, description: string) =>
    new Option(flags, `${description}; may be repeated`)
      .argParser((value: string, before: string[]) => [...before, value])
      .default([]);

  add("list", "list the webhooks")
    .addHelpText("after", "\nExample:\n  $ millrace webhooks list")
    .action(async (options: Common) => {
      const page = await connect(options).webhooks.list({ limit: 1000 });
      show(page, options.json, () =>
        output.line(table(output, ["id", "name", "url", "events", "enabled"], page.webhooks.map(row))),
      );
    });

  add("create", "have the ends of executions told to a URL")
    .argument("<to>", "where deliveries are posted to")
    .option("--name <name>", "for people; default the URL's host")
    .addOption(several("--event <event>", `only these: ${webhookEventSchema.options.join(", ")}`))
    .addOption(several("--config <config>", "only executions of this config, by its id or name"))
    .addOption(several("--header <header>", "sent along, as 'Name: value'"))
    .option("--secret-env <name>", "variable of the service's environment, MILLRACE_SECRET_…, that holds the key")
    .option("--secret-ref <name>", "the service's secret that holds the key, by its name")
    .addHelpText(
      "after",
      "\nPrints the new id, and the key that deliveries are signed with, which is told this once.\n\nExamples:\n  $ millrace webhooks create https://example.org/hook\n  $ millrace webhooks create https://example.org/hook --event execution.failed --config hello",
    )
    .action(async (to: string, options: CreateOptions) => {
      const client = connect(options);
      const configIds: string[] = [];
      for (const config of options.config) configIds.push((await findConfig(client, config)).id);
      const webhook = await client.webhooks.create({
        url: to,
        config_ids: configIds,
        headers: Object.fromEntries(options.header.map(headerOf)),
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.event.length === 0 ? {} : { events: options.event.map(eventOf) }),
        ...(options.secretEnv === undefined ? {} : { secret_env: options.secretEnv }),
        ...(options.secretRef === undefined ? {} : { secret_ref: options.secretRef }),
      });
      show(webhook, options.json, () => {
        output.line(webhook.id);
        if (webhook.secret === null) return;
        output.line(webhook.secret);
        output.note("The key is not shown again.");
      });
    });

  for (const enabled of [true, false]) {
    const word = enabled ? "enable" : "disable";
    add(word, `${word} a webhook`)
      .argument("<webhook>", "a webhook's id")
      .addHelpText("after", `\nExample:\n  $ millrace webhooks ${word} ${ID}`)
      .action(async (id: string, options: Common) => {
        const webhook = await connect(options).webhooks.update(id, { enabled });
        show(webhook, options.json, () => output.line(`${word}d ${webhook.id}`));
      });
  }

  add("test", "send a webhook a test")
    .argument("<webhook>", "a webhook's id")
    .addHelpText("after", `\nPrints the delivery's id.\n\nExample:\n  $ millrace webhooks test ${ID}`)
    .action(async (id: string, options: Common) => {
      const delivery = await connect(options).webhooks.test(id);
      show(delivery, options.json, () => output.line(delivery.id));
    });

  add("deliveries", "list what was told to a webhook, newest first")
    .argument("<webhook>", "a webhook's id")
    .addOption(new Option("--state <state>", "only those in this state").choices(["pending", "delivered", "failed"]))
    .option("--limit <n>", "how many", "100")
    .addHelpText("after", `\nExample:\n  $ millrace webhooks deliveries ${ID} --state failed`)
    .action(async (id: string, options: Common & { limit: string; state?: Delivery["state"] }) => {
      const { state, limit } = options;
      const page = await connect(options).webhooks.deliveries(id, { limit: Number(limit), ...(state && { state }) });
      const header = ["id", "event", "execution", "state", "attempts", "answer", "next"];
      show(page, options.json, () => output.line(table(output, header, page.deliveries.map(deliveryRow))));
    });

  add("redeliver", "make a delivery anew that was made, or given up")
    .argument("<webhook>", "a webhook's id")
    .argument("<delivery>", "a delivery's id")
    .addHelpText("after", `\nExample:\n  $ millrace webhooks redeliver ${ID} msg_${ID}`)
    .action(async (id: string, deliveryId: string, options: Common) => {
      const delivery = await connect(options).webhooks.redeliver(id, deliveryId);
      show(delivery, options.json, () => output.line(delivery.id));
    });

  add("delete", "delete a webhook, with the deliveries that are still to be made")
    .argument("<webhook>", "a webhook's id")
    .addHelpText("after", `\nExample:\n  $ millrace webhooks delete ${ID}`)
    .action(async (id: string, options: Common) => {
      await connect(options).webhooks.delete(id);
      show({ id, deleted: true }, options.json, () => output.line(`deleted ${id}`));
    });
}

function headerOf(text: string): [string, string] {
  const at = text.indexOf(":");
  if (at <= 0) throw new UsageError(`--header: expected 'Name: value', got "${text}"`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function eventOf(text: string): WebhookEventName {
  const event = webhookEventSchema.safeParse(text);
  if (!event.success) throw new UsageError(`--event: expected one of ${webhookEventSchema.options.join(", ")}`);
  return event.data;
}

function row(webhook: Webhook): string[] {
  const events = webhook.events.map((event) => event.replace("execution.", "")).join(" ");
  return [webhook.id, webhook.name, webhook.url, events, webhook.enabled ? "yes" : (webhook.disabled_reason ?? "no")];
}

function deliveryRow(delivery: Delivery): string[] {
  const last = delivery.log.at(-1);
  const answer = last === undefined ? "" : (last.error ?? String(last.status));
  const { id, event, execution_id: execution, state, attempts, next_at: next } = delivery;
  return [id, event, execution ?? "", state, String(attempts), answer, next ?? ""];
}
