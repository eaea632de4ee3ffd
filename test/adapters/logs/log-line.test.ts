import { describe, expect, it } from 'vitest'
import { isWithin, jsonLine } from '../../../adapters/logs/log-events/log-line.ts'

const parsed = (line: string) => JSON.parse(line) as Record<string, unknown>

describe('a line of a log', () => {
  it('has its fields in their order, without those that are not given', () => {
    expect(jsonLine({ time: 't', level: 'info', none: undefined, ms: 1.5, ok: true, nothing: null })).toBe(
      '{"time":"t","level":"info","ms":1.5,"ok":true,"nothing":null}',
    )
  })

  it('is one line, and moves no cursor, whatever it is given', () => {
    const hostile = 'a\nb\r\u2028\u2029\u0085\u001B[2J\u009B2J\u202E\u{E0001}\uD800"\\'
    const line = jsonLine({ message: hostile, [hostile]: [hostile] })
    expect(line).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u)
    expect(parsed(line)['message']).toBe(hostile)
  })

  it('is of at most 4096 characters, and says where something is left out', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`field${n}`, 'x'.repeat(900)]))
    const line = jsonLine({ event: 'load', ...many, last: 1 })
    expect(line.length).toBeLessThanOrEqual(4096)
    expect(parsed(line)).toMatchObject({ event: 'load', field0: 'x'.repeat(900), last: 1, truncated: true })
    expect(parsed(jsonLine({ event: 'load' }))).not.toHaveProperty('truncated')
  })

  it('cuts a text that would be long, also where each of its characters is escaped', () => {
    expect(parsed(jsonLine({ message: 'x'.repeat(5000) }))['message']).toBe(`${'x'.repeat(1000)}…`)
    const message = String(parsed(jsonLine({ message: '\u0007'.repeat(5000) }))['message'])
    expect(message).toContain('\u0007'.repeat(100))
    expect(parsed(jsonLine({ message: '\u{10FFFF}'.repeat(5000), after: 1 }))).toMatchObject({ after: 1 })
  })

  it('cleans a text before it cuts it: half a secret would not be found', () => {
    const secret = 'hunter2-hunter2'
    const text = `${'x'.repeat(1000 - 8)}${secret} and more`
    const line = jsonLine({ message: text, list: [{ deep: text }] }, (each) => each.replaceAll(secret, '***'))
    expect(line).not.toContain('hunter2')
    expect(line).toContain('***')
  })

  it('finds a secret that JSON would have escaped', () => {
    const line = jsonLine({ message: 'it is p"w\\d' }, (text) => text.replaceAll('p"w\\d', '***'))
    expect(parsed(line)['message']).toBe('it is ***')
  })

  it('tells an error without its stack, with what has caused it', () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    const error = new TypeError('no answer', { cause })
    expect(parsed(jsonLine({ error }))['error']).toEqual({
      name: 'TypeError',
      message: 'no answer',
      cause: { name: 'Error', code: 'ECONNREFUSED', message: 'refused' },
    })
  })

  it('does not tell what a parser quotes', () => {
    const cause = (() => {
      try {
        return JSON.parse('hunter2') as Error
      } catch (error) {
        return error as Error
      }
    })()
    expect(cause.message).toContain('hunter2')
    const line = jsonLine({ error: new Error('it cannot be read', { cause }) })
    expect(parsed(line)['error']).toEqual({
      name: 'Error',
      message: 'it cannot be read',
      cause: { name: 'SyntaxError' },
    })
  })

  it('ends also for what has no end, is no JSON, or throws', () => {
    const round: Record<string, unknown> = {}
    round['round'] = round
    const thrower = {
      get message(): string {
        throw new Error('no')
      },
    }
    const endless = new Error('a')
    endless.cause = endless
    const line = jsonLine({
      round,
      big: 12n,
      call: () => 1,
      symbol: Symbol('s'),
      nan: NaN,
      thrower,
      endless,
      wide: Array.from({ length: 1000 }, () => 1),
      last: 1,
    })
    expect(parsed(line)).toMatchObject({ big: '12', nan: null, last: 1 })
    expect(parsed(line)['wide']).toHaveLength(20)
    expect(parsed(line)['round']).toEqual({ round: { round: { round: {} } } })
    expect(parsed(line)).not.toHaveProperty('thrower')
  })
})

describe('a level', () => {
  it('has those that matter more within it', () => {
    expect(isWithin('error', 'warn')).toBe(true)
    expect(isWithin('warn', 'warn')).toBe(true)
    expect(isWithin('info', 'warn')).toBe(false)
    expect(isWithin('debug', 'debug')).toBe(true)
  })
})
