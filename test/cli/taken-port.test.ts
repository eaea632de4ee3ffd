import { describe, expect, it } from 'vitest'
import { onPort } from '../../cli/taken-port.ts'

const taken = () => Promise.reject(Object.assign(new Error('listen'), { code: 'EADDRINUSE' }))

describe('a port that another process has', () => {
  it.each([
    [8082, 8083],
    [65_535, 65_534],
  ])('%i: another one that there is, is named', async (port, other) => {
    const there = { port, whose: 'another gateway', instead: (next: number) => `--port ${next}` }
    await expect(onPort(there, taken)).rejects.toThrow(
      `port ${port} is taken (another gateway?): --port ${other}`,
    )
  })

  it('is the only error that is explained so', async () => {
    const there = { port: 80, whose: 'another gateway', instead: () => '' }
    const refused = Object.assign(new Error('not allowed'), { code: 'EACCES' })
    await expect(onPort(there, () => Promise.reject(refused))).rejects.toBe(refused)
  })
})
