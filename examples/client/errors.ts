import { ApiError, createClient } from "@millrace/client";

// Asks for what is not there: node examples/client/errors.ts
const millrace = createClient({
  baseUrl: process.env.MILLRACE_URL ?? "http://127.0.0.1:8000",
  apiKey: process.env.MILLRACE_API_KEY,
});

try {
  await millrace.executions.get("no-such-run");
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.code === "EXECUTION_NOT_FOUND") console.log(`${error.status}: ${error.message}`);
}
