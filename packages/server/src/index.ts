export { makeKey } from "./access/make-key.ts";
export { Configs } from "./configs.ts";
export { type ServeOptions, type Server, serve } from "./serve.ts";
export { openService, type Service } from "./service.ts";
export {
  flagOf,
  readSettings,
  type SettingName,
  type SettingSources,
  type Settings,
  settingsSchema,
  variableOf,
} from "./settings.ts";
export { VERSION } from "./version.ts";
