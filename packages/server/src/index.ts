export { Configs } from "./configs.ts";
export { type Server, serve, VERSION } from "./serve.ts";
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
