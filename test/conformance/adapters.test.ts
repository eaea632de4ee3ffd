/** Every adapter whose protocol the gateway speaks, with nothing but its address. */
import { describe, expect, it } from 'vitest'
import { REST_PROXIES } from '../../adapters/manifest.ts'
import { logSuite } from '../../src/testing/log-suite.ts'
import { overGateway } from './gateway-bench.ts'

for (const { call, open, gatewayToo, capabilities, tombstones } of REST_PROXIES) {
  if (!open || !capabilities || !gatewayToo) continue
  logSuite({
    name: `${call} over the gateway`,
    capabilities,
    truncates: true,
    tombstones: tombstones === true,
    create: () => overGateway((url) => open({ url })),
    describe,
    it,
    expect,
  })
}
