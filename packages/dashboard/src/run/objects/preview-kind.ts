/** How an object is shown. */
export type PreviewKind = "json" | "markdown" | "html" | "image" | "text" | "none";

const TEXTS = new Set(["application/xml", "application/yaml", "application/x-yaml", "application/x-ndjson"]);

/** How an object of a content type is shown; names help where the type says nothing. */
export function previewKind(contentType: string, name: string): PreviewKind {
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "text/html" || type === "application/xhtml+xml") return "html";
  if (type === "text/markdown" || (type === "text/plain" && /\.(?:md|markdown)$/i.test(name))) return "markdown";
  if (type === "application/json" || type.endsWith("+json")) return "json";
  if (type.startsWith("image/")) return "image";
  if (type.startsWith("text/") || TEXTS.has(type)) return "text";
  return "none";
}
