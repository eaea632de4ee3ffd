/**
 * The entry point for Cloudflare Workers. Its bindings are described in `wrangler.toml`.
 *
 * @module
 */
import { createDeployment, type Deployment } from './deployment.ts'

const SAY_MS = 60_000
let saidAt = -SAY_MS

const deployment: Deployment = createDeployment({
  // Workers has no other place for what an operator must see: `wrangler tail` and the dashboard show it.
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
})

export default deployment
