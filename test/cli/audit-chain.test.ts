/** The chained file of an audit: what breaks it, what a start does with a file that was left, and what `verify` says. */
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { AuditChain } from '../../cli/audit-chain.ts'
import { kedge } from './harness.ts'
import type { Ran } from './harness.ts'

const KEY = 'chain-key-chain-key-chain-key-chain-key'
const OTHER = 'other-key-other-key-other-key-other-key'

let file: string
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kedge-audit-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  file = join(folder, 'audit.jsonl')
})

const keyed = (key?: string): { env: Record<string, string> } => ({
  env: key === undefined ? {} : { KEDGE_GATEWAY_AUDIT_KEY: key },
})

/** A gateway that writes so many lines to the file, from its start to its end. */
async function wrote(count: number, key?: string, topic = 't'): Promise<Ran> {
  const stop = new AbortController()
  let ran!: Promise<Ran>
  const listening = new Promise<string | undefined>((resolve) => {
    ran = kedge(['gateway', '--port', '0', '--audit', file], {
      ...keyed(key),
      stop: stop.signal,
      onOut: (text) => {
        const url = /listening on (http:\S+)/.exec(text)?.[1]
        if (url !== undefined) resolve(url)
      },
    })
    void ran.then(() => resolve(undefined))
  })
  const url = await listening
  for (let nth = 0; url !== undefined && nth < count; nth++) {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.kafka.json.v2+json' },
      body: '{"records":[{"value":1}]}',
    }
    expect((await fetch(`${url}/topics/${topic}`, init)).status).toBe(200)
  }
  stop.abort()
  const { code, out, err } = await ran
  expect(out + err).not.toMatch(/chain-key|other-key/)
  return { code, out, err }
}

const verify = (key = KEY, ...flags: string[]): Promise<Ran> =>
  kedge(['audit', 'verify', file, ...flags], keyed(key))

const linesIn = async (): Promise<string[]> => (await readFile(file, 'utf8')).trimEnd().split('\n')

describe('the chain of an audit in a file', () => {
  it('goes on over a restart, and shows a line that was changed, removed or put in', async () => {
    for (let run = 0; run < 2; run++) await wrote(2, KEY)
    expect(await verify()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^all 4 lines are as they were written; the last link is [0-9a-f]{64}\n$/),
    })
    const lines = await linesIn()
    const changes: [changed: string[], line: number, what: RegExp][] = [
      [lines.map((line, at) => (at === 1 ? line.replace('"count":1', '"count":2') : line)), 2, /was changed/],
      [lines.filter((_, at) => at !== 1), 2, /was changed, or a line before it was changed, removed/],
      [lines.slice(1), 1, /lines at its beginning are gone.* set the key of this file/],
      [[lines[0]!, lines[2]!, lines[1]!, lines[3]!], 2, /was changed/],
      [[lines[0]!, lines[0]!, ...lines.slice(1)], 2, /put in/],
      [[...lines, '{"act":"write"}'], 5, /has no link: it was put in, or written without the key/],
      [[lines[0]!, '{"act":"write"}', ...lines.slice(1)], 2, /has no link/],
      [[lines[0]!, lines[1]!.slice(0, 40), ...lines.slice(1)], 2, /half a line that the next one does not/],
      [[...lines, lines[3]!.slice(0, 40)], 5, /is half a line: a process writes it now/],
    ]
    for (const [changed, line, what] of changes) {
      await writeFile(file, `${changed.join('\n')}\n`)
      const { code, out } = await verify()
      expect([code, out]).toEqual([1, expect.stringMatching(what)])
      expect(out).toContain(`audit.jsonl:${line} `)
      expect(out).toMatch(new RegExp(`The ${line - 1} lines before it are right.* What to do: `))
      const json = JSON.parse((await verify(KEY, '--json')).out) as object
      expect(json).toMatchObject({ ok: false, lines: line - 1, broken: line })
    }
  })

  it('holds what separates lines elsewhere than in files', async () => {
    const chain = new AuditChain(KEY, '')
    const entries = [{ principal: 'a\u2028b\u2029c' }, { act: 'write' }]
    await writeFile(file, entries.map((entry) => `${chain.link(JSON.stringify(entry))}\n`).join(''))
    expect((await verify()).out).toMatch(/^all 2 lines are as they were written/)
  })

  it.each([
    ['half a line', '{"act":"wr', 10],
    ['half a character', Buffer.from([0x7b, 0x22, 0xc3]), 3],
    ['the zeros of a disk that lost its power', Buffer.alloc(3000), 3000],
  ])('names %s that a killed process has left', async (_, torn, bytes) => {
    await wrote(2, KEY)
    await appendFile(file, torn)
    expect(await verify()).toMatchObject({
      code: 1,
      out: expect.stringContaining('audit.jsonl:3 is half a line: a process writes it now, or was killed'),
    })
    const { err } = await wrote(1, KEY)
    expect(err).toMatch(
      new RegExp(
        `^kedge gateway: \\S+audit\\.jsonl ends with half a line \\(${bytes} bytes\\): a process was killed`,
      ),
    )
    expect((await linesIn())[3]).toMatch(
      /^\{"time":"[^"]+","act":"torn-line","bytes":\d+,"sha256":"[0-9a-f]{64}","chain":"[0-9a-f]{64}"\}$/,
    )
    const { code, out } = await verify()
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^all 4 lines are as they were written; beside them line 3: torn when a process/),
    ])
    expect(JSON.parse((await verify(KEY, '--json')).out)).toMatchObject({ ok: true, lines: 4, torn: [3] })
    const whole = await readFile(file)
    // What was torn may not be changed, moved or taken away either.
    const from = whole.indexOf(10, whole.indexOf(10) + 1) + 1
    const after = whole.indexOf(10, from) + 1
    const changed = Buffer.from(whole)
    changed[from] = 0x5b
    await writeFile(file, changed)
    expect((await verify()).out).toContain('audit.jsonl:3 is half a line that the next one does not name')
    await writeFile(file, Buffer.concat([whole.subarray(0, from), whole.subarray(after)]))
    expect((await verify()).out).toContain('audit.jsonl:3 names half a line before it, which is gone')
  })

  it('names what two starts have left that were killed one after the other', async () => {
    await wrote(1, KEY)
    await appendFile(file, '{"act":"wr')
    await wrote(1, KEY)
    const { length } = (await linesIn())[2]!
    const bytes = (await readFile(file)).length
    const last = (await linesIn())[3]!.length + 1
    // The second one was killed while it wrote that the first was.
    await truncate(file, bytes - last - Math.floor(length / 2) - 1)
    await wrote(1, KEY)
    expect(await verify()).toMatchObject({
      code: 0,
      out: expect.stringContaining('all 3 lines are as they were written; beside them lines 2, 3: torn'),
    })
  })

  it('goes on after a last line that lacks nothing but its end', async () => {
    await wrote(2, KEY)
    await truncate(file, (await readFile(file)).length - 1)
    expect((await wrote(1, KEY)).err).toBe('')
    expect((await verify()).out).toMatch(/^all 3 lines are as they were written; the last link/)
  })

  it.each([
    ['without the key', KEY, undefined, /chained, and there is no key: set KEDGE_GATEWAY_AUDIT_KEY to the/],
    ['with another key', KEY, OTHER, /chained by another key than KEDGE_GATEWAY_AUDIT_KEY, or it was/],
    ['with a key after lines without one', undefined, KEY, /was written without a key, so no chain/],
  ])('is left as it is by a start %s', async (_, first, second, sentence) => {
    await wrote(2, first)
    const before = await readFile(file, 'utf8')
    for (const end of ['', '{"act":"wr']) {
      await appendFile(file, end)
      const { code, err } = await wrote(1, second)
      expect([code, err]).toEqual([2, expect.stringMatching(sentence)])
      expect(err).toMatch(/move \S+audit\.jsonl away and keep it, or name another file\n$/)
      expect(await readFile(file, 'utf8')).toBe(before + end)
    }
  })

  it('is not begun in a file of something else', async () => {
    await writeFile(file, 'x'.repeat(2_000_000))
    const { code, err } = await wrote(1, KEY)
    expect([code, err]).toEqual([2, expect.stringContaining('does not end with lines of an audit')])
  })

  it('needs a key and a file to be compared', async () => {
    await wrote(2, KEY)
    expect(await verify(OTHER)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/audit\.jsonl:1 has not the link that this key makes: another key has/),
    })
    expect(await kedge(['audit', 'verify', file])).toMatchObject({
      code: 2,
      err: 'kedge: the key of the chain is missing: set KEDGE_GATEWAY_AUDIT_KEY, or KEDGE_SERVE_AUDIT_KEY\n',
    })
    await rm(file)
    expect(await verify()).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^kedge: there is no file \S+audit\.jsonl\n$/),
    })
  })
})
