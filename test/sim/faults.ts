/**
 * The faults, by name: what each is, and what the numbers of its step mean.
 *
 * Where `isolate` is absent a fault of the way meets every isolate. `forMs` is how long it lasts, in true time.
 *
 * @module
 */

export interface FaultClass {
  readonly of:
    | 'way'
    | 'answers'
    | 'proxy'
    | 'kafka'
    | 'clock'
    | 'isolate'
    | 'load'
    | 'source'
    | 'tier'
    | 'tail'
  readonly says: string
  /** What `amount` is. */
  readonly amount?: string
}

const percent = 'percent of requests'
const milliseconds = 'milliseconds'

export const FAULTS = {
  request_lost: {
    of: 'way',
    says: 'the connection breaks before the proxy has the request',
    amount: percent,
  },
  request_swallowed: {
    of: 'way',
    says: 'the request never arrives, and its sender gets no error',
    amount: percent,
  },
  answer_lost: {
    of: 'way',
    says: 'the proxy carries the request out, and its answer never arrives',
    amount: percent,
  },
  answer_reset: {
    of: 'way',
    says: 'the proxy carries the request out, and the connection breaks',
    amount: percent,
  },
  request_doubled: { of: 'way', says: 'the request arrives twice, the second time later', amount: percent },
  request_late: {
    of: 'way',
    says: 'the request arrives when its sender may have given it up',
    amount: milliseconds,
  },
  answer_late: { of: 'way', says: 'the answer arrives late', amount: milliseconds },
  answers_reordered: { of: 'way', says: 'answers overtake each other', amount: milliseconds },
  body_stalls: { of: 'way', says: 'the head of an answer arrives, and its body never ends', amount: percent },

  body_truncated: { of: 'answers', says: 'the body ends early, as if it were whole', amount: percent },
  body_garbled: { of: 'answers', says: 'a byte of the body is wrong', amount: percent },
  body_oversized: { of: 'answers', says: 'the body is larger than any reader takes', amount: percent },
  html_page: { of: 'answers', says: 'a page of HTML, with status 200 or 502', amount: percent },
  storm_429: { of: 'answers', says: 'too many requests, try again later', amount: percent },
  storm_5xx: { of: 'answers', says: 'errors of the proxy, before or after it did the work', amount: percent },
  empty_polls: { of: 'answers', says: 'reads find nothing, though there is something', amount: percent },

  consumers_expired: { of: 'proxy', says: 'the proxy has forgotten its consumers' },
  proxy_restart: { of: 'proxy', says: 'the proxy refuses connections, then has forgotten everything' },

  kafka_unavailable: { of: 'kafka', says: 'the proxy cannot reach Kafka' },
  truncation: {
    of: 'kafka',
    says: 'retention takes the evictions up to this part of the log',
    amount: 'percent of the log',
  },
  recreation: { of: 'kafka', says: 'the evictions topic is deleted and created again' },
  partitions_added: {
    of: 'kafka',
    says: 'the evictions topic gets another partition, where evictions never go',
  },
  compaction: { of: 'kafka', says: 'the updates topic is compacted' },
  transaction_aborted: {
    of: 'kafka',
    says: 'records of an aborted transaction stand in both topics, and leave a marker',
  },
  transaction_open: { of: 'kafka', says: 'a transaction of another writer stays open over both topics' },
  record_poison: {
    of: 'kafka',
    says: 'a record that no isolate can read, or that stands under the key of another one',
    amount: 'how many',
  },
  record_unknown_version: { of: 'kafka', says: 'a record of a version that does not exist yet' },
  record_oversized: { of: 'kafka', says: 'a record larger than the answers that isolates ask for' },
  heartbeats: { of: 'kafka', says: 'records that evict nothing', amount: 'how many' },

  clock_forward: { of: 'clock', says: 'the wall clock steps forward', amount: milliseconds },
  clock_back: { of: 'clock', says: 'the wall clock steps back', amount: milliseconds },
  clock_both_back: {
    of: 'clock',
    says: 'both clocks step back, as one: in workerd they are one',
    amount: milliseconds,
  },
  clock_frozen: { of: 'clock', says: 'the wall clock stands still' },
  monotonic_frozen: { of: 'clock', says: 'the monotonic clock stands still' },
  clock_drift: {
    of: 'clock',
    says: 'the wall clock runs at another pace',
    amount: 'percent of the true pace',
  },

  killed: {
    of: 'isolate',
    says: 'the isolate ends, at one of its next steps of I/O',
    amount: 'after how many',
  },
  cold_outage: {
    of: 'isolate',
    says: 'the isolate ends, and the one that takes its place cannot reach the log from its beginning on',
  },
  frozen: {
    of: 'isolate',
    says: 'the isolate stands still and goes on; its monotonic clock may not have counted the time',
  },
  frozen_hours: { of: 'isolate', says: 'the same, for hours' },
  leader_cancelled: { of: 'isolate', says: 'the client of the oldest open request hangs up' },
  wait_until_cut: {
    of: 'isolate',
    says: 'what requests left behind under waitUntil ends at once, not after 30 seconds',
  },

  eviction_storm: { of: 'load', says: 'evictions of keys, one after the other', amount: 'how many' },
  hot_key: { of: 'load', says: 'many requests for one key at once', amount: 'how many' },

  loader_error: { of: 'source', says: 'loads fail', amount: 'percent of loads' },
  loader_slow: { of: 'source', says: 'loads take longer', amount: milliseconds },
  loader_endless: { of: 'source', says: 'loads never end', amount: 'percent of loads' },
  writer_dies: { of: 'source', says: 'a writer commits and dies before it evicts' },

  tier_wiped: { of: 'tier', says: 'the shared tier loses everything' },
  tier_unavailable: { of: 'tier', says: 'calls of the shared tier fail', amount: 'percent of calls' },
  tier_late: { of: 'tier', says: 'writes of the shared tier arrive late', amount: milliseconds },

  // The last: in another place it would change the plans of all seeds.
  loop_blocked: {
    of: 'isolate',
    says: 'something computes for so long that the event loop stands still, between hits of one of its turns',
  },

  tail_killed: { of: 'tail', says: 'the tails end, and others take their places' },
  tail_hibernated: { of: 'tail', says: 'the tails forget all that they know' },
  tail_doubled: { of: 'tail', says: 'others take the places of the tails, which go on answering' },
  tail_late: { of: 'tail', says: 'answers of the tails arrive late', amount: milliseconds },
  tail_overloaded: { of: 'tail', says: 'the tails are overloaded', amount: percent },
  tail_clock_back: { of: 'tail', says: 'both clocks of the tails step back, as one', amount: milliseconds },
  tail_clock_forward: { of: 'tail', says: 'both clocks of the tails step forward', amount: milliseconds },
  tail_frozen: { of: 'tail', says: 'the tails stand still, and their monotonic clocks with them' },
  store_stale: {
    of: 'tail',
    says: 'the store of a colo answers with an earlier entry',
    amount: 'percent of reads',
  },
  store_lost: { of: 'tail', says: 'the store of a colo loses entries', amount: 'percent of writes' },
  store_late: { of: 'tail', says: 'entries arrive late in the store of a colo', amount: milliseconds },
  store_poisoned: {
    of: 'tail',
    says: 'another program writes into the store of a colo',
    amount: 'percent of reads',
  },
} as const satisfies Record<string, FaultClass>

export type FaultName = keyof typeof FAULTS
