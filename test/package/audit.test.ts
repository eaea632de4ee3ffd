/** `npm run audit`, with npm's own client and a registry on this machine. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { gunzipSync } from 'node:zlib'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { shippedFolders } from '../../tools/shipped.ts'
import type { Lockfile } from '../../tools/shipped.ts'

interface Advisory {
  readonly name: string
  readonly severity: string
}

/** A registry that knows these advisories, for every version; without any it does not answer such questions. */
async function registry(advisories: readonly Advisory[] | undefined): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const json = (status: number, body: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      if (request.method !== 'POST') return json(404, {})
      if (!advisories) return json(405, {})
      const body = Buffer.concat(chunks)
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
      const asked = JSON.parse(text.toString()) as Record<string, string[]>
      const found = advisories.filter(({ name }) => name in asked)
      return json(200, Object.fromEntries(found.map((each, id) => [each.name, [advisory(each, id + 1)]])))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
}

const advisory = ({ name, severity }: Advisory, id: number) => ({
  id,
  url: `https://advisories.example/${id}`,
  title: `What is wrong with ${name}`,
  severity,
  vulnerable_versions: '*',
  cwe: [],
  cvss: { score: 0, vectorString: null },
})

// Its own: npm remembers answers.
const cache = mkdtempSync(join(tmpdir(), 'kedge-audit-'))
afterAll(() => rmSync(cache, { recursive: true, force: true }))

function audit(
  url: string,
): Promise<{ readonly code: number | string; readonly out: string; readonly err: string }> {
  const env = { ...process.env, npm_config_registry: url, npm_config_cache: cache }
  return new Promise((resolve) => {
    execFile(process.execPath, ['tools/audit.ts'], { env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    )
  })
}

describe('The audit', () => {
  it.each(['quick-lru', 'hono', 'ajv'])('fails on a high advisory for %s, which users get', async (name) => {
    const { code, out } = await audit(await registry([{ name, severity: 'high' }]))
    expect(out).toContain(`What is wrong with ${name}`)
    expect(code).toBe(1)
  })

  it('tells of lower ones, and of what only developers use, and passes', async () => {
    const url = await registry([
      { name: 'zod', severity: 'moderate' },
      { name: 'vitest', severity: 'critical' },
    ])
    const { code, out } = await audit(url)
    expect(out).toMatch(/^moderate +zod: What is wrong with zod/m)
    expect(out).toMatch(/0 with high or critical advisories\.\n\d+ packages that only developers use/)
    expect(out).not.toContain('What is wrong with vitest')
    expect(code).toBe(0)
  })

  it('says aloud that a registry does not answer, and passes', async () => {
    const { code, err } = await audit(await registry(undefined))
    expect(err).toContain('\nNOT AUDITED: the registry does not say what advisories it knows (405')
    expect(code).toBe(0)
  })

  it('looks at what is bundled, and at what that needs', () => {
    const folders = shippedFolders(JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile)
    expect([...folders]).toEqual(
      expect.arrayContaining(
        ['zod', 'quick-lru', 'hono', '@platformatic/kafka', 'ajv'].map((each) => `node_modules/${each}`),
      ),
    )
    expect(folders).not.toContain('node_modules/vitest')
  })
})
