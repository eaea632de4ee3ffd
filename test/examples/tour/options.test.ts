import { describe, expect, it } from 'vitest'
import { readOptions } from '../../../examples/tour/options.ts'
import { StartError } from '../../../examples/tour/server.ts'

describe('the options of the demo', () => {
  it('are none: start at the default ports, or others', () => {
    expect(readOptions([])).toStrictEqual({ mode: 'start', firstPort: 8787, chosen: false })
  })

  it('tell it to check, and to help before all else', () => {
    expect(readOptions(['--check']).mode).toBe('check')
    expect(readOptions(['--check', '--help']).mode).toBe('help')
  })

  it('show a colo in place of the tour', () => {
    expect(readOptions(['--colo'])).toMatchObject({ mode: 'colo', chosen: false })
    expect(() => readOptions(['--colo', '--check'])).toThrow('leave out `--check` or `--colo`')
  })

  it('choose the first port, and then no other', () => {
    expect(readOptions(['--port', '9000'])).toMatchObject({ firstPort: 9000, chosen: true })
    expect(readOptions(['--port=0'])).toMatchObject({ firstPort: 0, chosen: true })
    expect(readOptions(['--port=65531'])).toMatchObject({ firstPort: 65_531 })
  })

  it.each(['65532', '-1', '1e3', 'http', '', ' 80', '8080.5', '99999999999'])(
    'refuse the port “%s”',
    (port) => {
      expect(() => readOptions([`--port=${port}`])).toThrow(StartError)
      expect(() => readOptions([`--port=${port}`])).toThrow(/`--port` must be a number from 0 to 65531/)
    },
  )

  it.each([['--chek'], ['check'], ['--port'], ['--check=yes']])(
    'refuse %s and say which there are',
    (arg) => {
      expect(() => readOptions([arg])).toThrow(StartError)
      expect(() => readOptions([arg])).toThrow(/--port <n>/)
    },
  )
})
