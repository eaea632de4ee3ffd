/** All settings: the configuration file may hold each. A command offers those that it uses. @module */
import type { AnySetting } from './setting.ts'
import { CLUSTER_SETTINGS } from './settings/cluster.ts'
import { DOCTOR_SETTINGS } from './settings/doctor.ts'
import { GATEWAY_SETTINGS } from './settings/gateway.ts'
import { LOADER_SETTINGS } from './settings/loader.ts'
import { LOG_SETTINGS } from './settings/logging.ts'
import { PERSISTER_SETTINGS } from './settings/persister.ts'
import { PROXY_SETTINGS } from './settings/proxy.ts'
import { SERVE_SETTINGS } from './settings/serve.ts'
import { SYNC_SETTINGS } from './settings/sync.ts'
import { TOP_SETTINGS } from './settings/top.ts'
import { FURTHER_TOPICS_SETTINGS, TOPICS_SETTINGS } from './settings/topics.ts'

export const ALL_SETTINGS: readonly AnySetting[] = [
  ...LOG_SETTINGS,
  ...PROXY_SETTINGS,
  ...TOPICS_SETTINGS,
  ...FURTHER_TOPICS_SETTINGS,
  ...CLUSTER_SETTINGS,
  ...DOCTOR_SETTINGS,
  ...GATEWAY_SETTINGS,
  ...LOADER_SETTINGS,
  ...PERSISTER_SETTINGS,
  ...SERVE_SETTINGS,
  ...SYNC_SETTINGS,
  ...TOP_SETTINGS,
]
