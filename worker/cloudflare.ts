/**
 * The entry point for Cloudflare Workers. Its bindings are described in `wrangler.toml`.
 *
 * @module
 */
import { CONSOLE } from './console.ts'
import { createDeployment, type Deployment } from './deployment.ts'

const deployment: Deployment = createDeployment(CONSOLE)

export { KedgeTail } from './kedge-tail.ts'
export default deployment
