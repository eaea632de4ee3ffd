/**
 * The entry point for Cloudflare Workers that pushes its metrics to an OpenTelemetry collector: that of `kedge/worker/cloudflare`,
 * and the variables `OTEL_EXPORTER_OTLP_ENDPOINT` and the like, which are described in `wrangler.toml`.
 *
 * @module
 */
import { otlpMetrics, otlpOptions } from '../adapters/metrics/otlp.ts'
import { CONSOLE } from './console.ts'
import { createDeployment, type Deployment } from './deployment.ts'

/** As Cloudflare's own telemetry names itself. Source: its page "Spans and attributes". */
const PLATFORM = { 'cloud.provider': 'cloudflare', 'cloud.platform': 'cloudflare.workers' }

const deployment: Deployment = createDeployment({
  ...CONSOLE,
  metrics: (cache, env) => {
    const options = otlpOptions(env)
    if (options === undefined) return undefined
    const { onError } = CONSOLE
    const resource = { ...PLATFORM, ...options.resource }
    return otlpMetrics(cache, { ...options, resource, ...(onError && { onError }) })
  },
})

export { KedgeTail } from './kedge-tail.ts'
export default deployment
