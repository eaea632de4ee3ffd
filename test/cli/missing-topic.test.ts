/** What a command says of a topic that is not there, before every proxy. */
import { describe, expect, it } from 'vitest'
import { createGateway, memoryCluster } from '../../services/gateway/index.ts'
import { newLog } from '../adapters/kafka/replay/fake-proxy.ts'
import { cluster, kedge } from './harness.ts'
import type { Surroundings } from './harness.ts'
import { filled, SERVERS } from './proxies.ts'

const UPSTASH = { KEDGE_USERNAME: 'ann', KEDGE_PASSWORD: 'secret' }

/** The gateway behind its Upstash API. */
function upstash(): typeof fetch {
  const auth = { users: { ann: 'secret' } }
  const app = createGateway({ cluster: memoryCluster(newLog()), auth, upstash: true })
  return async (input, init) => app.fetch(new Request(input, init))
}

const FLAVORS: [flavor: string, around: () => Surroundings][] = [
  ...Object.entries(SERVERS).map(([flavor, make]): [string, () => Surroundings] => [
    flavor,
    () => ({ fetch: make(newLog()) }),
  ]),
  ['auto', () => ({ fetch: SERVERS.strimzi!(newLog()) })],
  ['upstash', () => ({ fetch: upstash(), env: UPSTASH })],
]

const COMMANDS: [args: string[], creation: string][] = [
  [['evict', 'users', '--key', '7'], 'kedge topics create'],
  [['evict', '--everything', '--evictions-topic', 'nope'], 'kedge topics create --evictions-topic nope'],
  [['tail'], 'kedge topics create'],
  [['tail', '--follow', '--evictions-topic', 'nope'], 'kedge topics create --evictions-topic nope'],
  [['tail', 'updates'], 'kedge topics create'],
  [['get', 'users', '7', '--updates-topic', 'nope.v'], 'kedge topics create --updates-topic nope.v'],
]

describe.each(FLAVORS)('before %s', (flavor, around) => {
  it.each(COMMANDS)(
    '%j names the topic that is missing, and the command that makes it',
    async (args, create) => {
      const { code, out, err } = await kedge([...args, '--flavor', flavor], around())
      const wanted = args.find((each) => each.startsWith('nope'))
      const which = args.includes('updates') ? 'cache-updates' : 'cache-evictions'
      expect(err).toBe(`kedge: there is no topic ${wanted ?? which}: \`${create} --brokers …\` makes it\n`)
      expect([code, out]).toEqual([1, ''])
    },
  )
})

describe('the command that is named', () => {
  it('makes the topic', async () => {
    const around = { fetch: SERVERS.gateway!(newLog()) }
    const { err } = await kedge(['evict', 'users', '--all', '--evictions-topic', 'mine'], around)
    const [, words] = /`kedge (.*) --brokers …`/.exec(err) ?? []
    const fake = cluster()
    await kedge([...words!.split(' '), '--brokers', 'a:1'], { connect: () => fake })
    expect(fake.made).toContain('mine x1')
  })

  it('is that of the doctor too, which names a missing topic of updates only where it is missing', async () => {
    const args = ['doctor', '--evictions-topic', 'mine', '--json']
    const missing = await kedge(args, { fetch: SERVERS.karapace!(newLog()) })
    expect(missing.out).toContain('kedge topics create --evictions-topic mine')
    const log = filled()
    const refusing: typeof fetch = async (input, init) =>
      new Request(input, init).url.includes('cache-updates')
        ? Response.json({ error_code: 403, message: 'not yours' }, { status: 403 })
        : SERVERS.gateway!(log)(input, init)
    const refused = await kedge(['doctor'], { fetch: refusing })
    expect(refused.out).toMatch(/warning {2}updates .*not yours.*nothing to read/)
    expect(refused.out).not.toContain('kedge topics create')
  })
})
