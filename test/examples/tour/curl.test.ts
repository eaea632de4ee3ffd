import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { curlLine, setupLine } from '../../../examples/tour/curl.ts'
import { runTour } from '../../../examples/tour/runner.ts'
import { TOUR, type Step } from '../../../examples/tour/tour.ts'
import { foretoldAnswers } from './fixtures/foretold.ts'

const places = {
  a: 'http://127.0.0.1:8787',
  b: 'http://127.0.0.1:8788',
  origin: 'http://127.0.0.1:8789',
  switch: 'http://127.0.0.1:8791',
}
const steps = TOUR.flatMap((chapter) => chapter.steps)

/** What a shell hands to curl for these lines, when curl answers with a token. Nothing is sent, and nothing sleeps. */
function argumentsOf(lines: readonly string[]): string[][] {
  const script = [
    `curl() { printf '%s\\0' "$@" end >&3; printf '{"token":"k1.0-7"}'; }`,
    'sleep() { :; }',
    'exec 3>&1 >/dev/null',
    ...lines,
  ].join('\n')
  const said = execFileSync('sh', ['-eu'], { input: script, encoding: 'utf8' })
  return said
    .split('end\0')
    .slice(0, -1)
    .map((call) => call.split('\0').slice(0, -1))
}

interface Sent {
  method: string
  url: string
  headers: Record<string, string>
  body: string | undefined
}

/** What curl sends for its arguments; a range at the end of an address is so many requests. */
function requestsOf(args: readonly string[]): Sent[] {
  const sent: Sent = { method: 'GET', url: '', headers: {}, body: undefined }
  const rest = [...args]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (/^-s?i?X$/.test(word)) sent.method = rest.shift() ?? ''
    else if (word === '-d') sent.body = rest.shift()
    else if (word === '-o' || word === '-w') rest.shift()
    else if (word === '-H') {
      const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(rest.shift() ?? '') ?? []
      sent.headers[name] = value
    } else if (!/^(?:-s[iZ]?|--no-progress-meter)$/.test(word)) sent.url = `http://${word}`
  }
  const [, base = '', last] = /^(.*\?)\[1-(\d+)\]$/.exec(sent.url) ?? []
  if (last === undefined) return [sent]
  return Array.from({ length: Number(last) }, (_, at) => ({ ...sent, url: `${base}${at + 1}` }))
}

describe('the lines for curl', () => {
  it('send what the tour sends by itself, in the same order', async () => {
    const answers = foretoldAnswers()
    const sent: Sent[] = []
    await runTour(places, {
      world: {
        now: () => 0,
        sleep: async () => undefined,
        fetch: async (url, init) => {
          const headers = Object.fromEntries(new Headers(init.headers))
          const body = typeof init.body === 'string' ? init.body : undefined
          const { status, body: answer, headers: fields } = answers[sent.length] ?? { status: 500 }
          sent.push({ method: init.method ?? '', url, headers, body })
          return Response.json(answer, { status, headers: fields ?? {} })
        },
      },
      signal: new AbortController().signal,
    })
    const lines = [setupLine(places), ...steps.map((step) => curlLine(step, places))]
    expect(argumentsOf(lines).flatMap((args) => requestsOf(args))).toStrictEqual(sent)
  })

  it('wait as long as a step has time', () => {
    for (const step of steps) {
      const wait = /^sleep (\d+); /.exec(curlLine(step, places))?.[1]
      expect(wait).toBe(step.within?.toString())
    }
  })

  it('hand over a body untouched, whatever a shell would make of it', () => {
    const text = `it's "$HOME" \`id\` $(id) \\ % ! * ~`
    const step: Step = { to: 'a', method: 'PUT', path: '/p', body: { text }, expect: { status: 200 } }
    const [args = []] = argumentsOf([setupLine(places), curlLine(step, places)])
    expect(JSON.parse(requestsOf(args)[0]?.body ?? '')).toStrictEqual({ text })
  })

  it('are one line each', () => {
    for (const step of steps) expect(curlLine(step, places)).not.toMatch(/[\n#]/)
  })
})
