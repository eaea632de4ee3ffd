/**
 * What the ready worker of Cloudflare says: `wrangler tail` and the dashboard show its console, and nothing else.
 *
 * @module
 */
import type { DeploymentOptions } from './deployment.ts'

const SAY_MS = 60_000
let saidAt = -SAY_MS

export const CONSOLE: DeploymentOptions = {
  // Workers has no other place for what an operator must see.
  // oxlint-disable-next-line no-console
  onError: (error) => console.error(error),
  // oxlint-disable-next-line no-console
  onAudit: (line) => console.log(line),
  // oxlint-disable-next-line no-console
  onPrewarm: (result) => console.log({ prewarmed: result }),
  onUnsigned: (event) => {
    // A stranger may write many: one a minute says enough.
    const now = Date.now()
    if (now - saidAt < SAY_MS && now >= saidAt) return
    saidAt = now
    // oxlint-disable-next-line no-console
    console.warn(event)
  },
}
