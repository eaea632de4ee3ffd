/** Settings of the audit: of the gateway, and of `kedge serve`. @module */
import { setting } from '../setting.ts'
import type { AnySetting, Setting } from '../setting.ts'
import { text } from '../value-types.ts'

type Optional = Setting<string | undefined>

export interface AuditSettings {
  readonly audit: Optional
  readonly auditKey: Optional
  readonly auditKeysHash: Optional
}

const settingsOf = (command: string, what: string, keysOf: string): AuditSettings => ({
  audit: setting<string | undefined>(`${command}.audit`, {
    flag: '--audit <file>',
    shape: text,
    says: `add a line for each ${what} to this file, to stdout, or to topic:cache-audit`,
    otherwise: undefined,
    otherwiseSays: 'none',
  }),
  auditKey: setting<string | undefined>(`${command}.auditKey`, {
    flag: '--audit-key <secret>',
    shape: text,
    says: 'chain the lines of --audit by HMAC with this key',
    otherwise: undefined,
    secret: true,
  }),
  auditKeysHash: setting<string | undefined>(`${command}.auditKeysHash`, {
    flag: '--audit-keys-hash <file>',
    shape: text,
    says: `show the keys of ${keysOf} in --audit, as HMAC by the secret in this file`,
    otherwise: undefined,
    otherwiseSays: 'no keys',
  }),
})

export const gatewayAudit: AuditSettings = settingsOf(
  'gateway',
  'write, change of a topic and wrong credential',
  'records',
)
export const serveAudit: AuditSettings = settingsOf(
  'serve',
  'write, eviction and refused credential',
  'values',
)

/** For tables of all settings. */
export const GATEWAY_AUDIT: readonly AnySetting[] = Object.values(gatewayAudit)
export const SERVE_AUDIT: readonly AnySetting[] = Object.values(serveAudit)
