/** Two examples of each command, for its help. @module */

type Example = readonly [line: string, says: string]

/** The examples, by the last word of the command. */
const EXAMPLES: Readonly<Record<string, readonly [Example, Example]>> = {
  gateway: [
    ['kedge gateway', 'a log in memory on http://127.0.0.1:8082, for development'],
    [
      'KEDGE_GATEWAY_TOKEN=s3cret kedge gateway --brokers kafka-1:9092,kafka-2:9092 --host 0.0.0.0',
      'before a Kafka cluster',
    ],
  ],
  credentials: [
    ['kedge gateway credentials', 'the least that an isolate needs'],
    [
      "kedge gateway credentials --user ops --roles read,write,admin --topics 'cache-*' --json",
      'a user with a password, for a script',
    ],
  ],
  verify: [
    [
      'KEDGE_GATEWAY_AUDIT_KEY=s3cret kedge audit verify audit.jsonl',
      'whether a line was changed or is gone',
    ],
    ['KEDGE_GATEWAY_AUDIT_KEY=s3cret kedge audit verify audit.jsonl --json', 'for a script'],
  ],
  serve: [
    ['kedge serve --open', 'serves the values that clients put'],
    [
      'KEDGE_SERVE_READ_TOKENS=s3cret kedge serve --origin https://users.example --namespaces users --ttl 1m',
      'values come from an API',
    ],
  ],
  create: [
    ['kedge topics create --brokers localhost:9092 --dry-run', 'what it would create'],
    [
      'kedge topics create --brokers kafka-1:9092 --ttl 4h --only evictions,updates',
      'two of them, for caches that hold values for 4 h',
    ],
  ],
  check: [
    ['kedge topics check --brokers localhost:9092', 'compares the three topics of a cache'],
    [
      'kedge topics check --brokers localhost:9092 --only writes,dead-letters --json',
      'two other topics, for a script',
    ],
  ],
  doctor: [
    ['kedge doctor --url http://localhost:8082', 'who answers there, and what is wrong with it'],
    [
      'kedge doctor --url http://localhost:8082 --poll-timeout 2s --max-staleness 10s --read-only',
      'for caches with these options; writes nothing',
    ],
  ],
  top: [
    ['kedge top 9100', 'a process of this machine, with --listen 9100'],
    ['kedge top --once kedge-1:9100 kedge-2:9100', 'two processes, printed once, for a script'],
  ],
  tail: [
    ['kedge tail --follow', 'evictions as they come'],
    ['kedge tail updates --from beginning --json', 'every value in the log, one JSON object a line'],
  ],
  get: [
    ['kedge get users 7', 'the latest value of users/7 in the updates topic'],
    ['kedge get users 7 --json --max-records 5000', 'looks back 5000 records, and answers a script'],
  ],
  evict: [
    ['kedge evict users --key 7 --key 8', 'two keys'],
    ['kedge evict users --tag team:7 --url http://localhost:8082', 'all that carries a tag'],
  ],
  loader: [
    ['kedge loader --module ./loaders.js', 'answers what isolates miss'],
    ['kedge loader --module ./loaders.js --listen 9100 --drain 30s', 'with its health on port 9100'],
  ],
  persister: [
    ['kedge persister --module ./stores.js', 'persists what was written behind'],
    [
      'kedge persister --module ./stores.js --listen 9101 --max-lag 1m --store-timeout 5s',
      'not ready when a minute behind',
    ],
  ],
  sync: [
    [
      "kedge sync --topic orders --to redis://localhost:6379 --key 'order:{key}' --once",
      'to the end of the topic, once',
    ],
    [
      "kedge sync --topic orders --to memcached://localhost:11211 --key 'order:{key}' --brokers localhost:9092",
      'goes on, reading Kafka itself',
    ],
  ],
}

/** The examples as the help of a command prints them. */
export function examplesHelp(name: string): string {
  const examples = EXAMPLES[name]
  if (examples === undefined) return ''
  return `\nExamples:\n${examples.map(([line, says]) => `  # ${says}\n  ${line}`).join('\n')}`
}
