/** The suites that are run over the gateway, in Node and in workerd alike. */

const runs = { truncates: true }
const overInstances = { identity: false, longPoll: false, readCommitted: false }
const stateless = { identity: true, longPoll: true, readCommitted: true }

const overUpstash = { ...stateless, readCommitted: false }

export const SUITES = {
  stateless: { ...runs, name: 'gateway()', capabilities: stateless },
  instances: { ...runs, name: 'confluent() with consumer instances', capabilities: overInstances },
  v3: { ...runs, name: 'confluent() with v3 produce', capabilities: overInstances },
  // The protocol has no null.
  upstash: { ...runs, name: 'upstash()', capabilities: overUpstash, tombstones: false },
}

export type SuiteName = keyof typeof SUITES
