/** Secrets at rest, and guesses at them. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Credentials } from '../../../services/gateway/credentials.ts'
import type { AuthOptions } from '../../../services/gateway/credentials.ts'
import { hashPassword, hashToken } from '../../../services/gateway/secret-hash.ts'
import { base64, Clock } from './harness.ts'

const TOKEN = 'a-token-that-is-too-long-to-be-guessed'
const basic = (pair: string) => `Basic ${base64(pair)}`

function known(auth: AuthOptions) {
  const clock = new Clock()
  const credentials = new Credentials(auth, clock.runtime)
  const show = async (header: string, address = '192.0.2.1') => {
    const { principal, ...no } = await credentials.identify(header, address)
    return principal?.name ?? (no as { retryAfter?: number }).retryAfter ?? 'wrong'
  }
  return { clock, show, credentials }
}

describe('a secret at rest', () => {
  it('of a token is its SHA-256, as any program prints it', async () => {
    const hash = createHash('sha256').update(TOKEN).digest('hex')
    expect(hashToken(TOKEN)).toBe(`sha256:${hash}`)
    const { show } = known({ credentials: [{ name: 'edge', token: `sha256:${hash}` }] })
    expect(await show(`Bearer ${TOKEN}`)).toBe('edge')
    // What stands in the file lets no client in.
    for (const wrong of [`sha256:${hash}`, hash, `${TOKEN}x`])
      expect(await show(`Bearer ${wrong}`)).toBe('wrong')
  })

  it('of a password is scrypt, with a salt of its own', async () => {
    const [one, other] = [await hashPassword('päss:word'), await hashPassword('päss:word')]
    expect(one).toMatch(/^scrypt:14:8:5:[\w-]{22}:[\w-]{43}$/)
    expect(one).not.toBe(other)
    const { show } = known({
      credentials: [
        { user: 'ann', password: one },
        { user: 'bob', password: await hashPassword('b') },
      ],
    })
    // The second time from what was right before; then another user's.
    for (const pair of ['ann:päss:word', 'ann:päss:word', 'bob:b'])
      expect(await show(basic(pair))).toBe(pair.slice(0, 3))
    for (const pair of ['ann:päss:wor', 'ann:b', 'bob:päss:word', 'eve:b', `ann:${one}`, 'ann', ''])
      expect(await show(basic(pair))).toBe('wrong')
  })

  it('is checked one after the other, and no more wait than may', async () => {
    const { show } = known({ credentials: [{ user: 'ann', password: await hashPassword('p') }] })
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, at) => show(basic('ann:p'), `192.0.2.${at}`)),
    )
    expect(asked.filter((name) => name === 'ann')).toHaveLength(16)
    expect(await show(basic('ann:p'))).toBe('ann')
  })
})

describe('an address that shows wrong credentials', () => {
  const auth = { users: { ann: 'p' }, tokens: ['short', TOKEN] }
  const guess = async ({ show }: ReturnType<typeof known>, times: number, address?: string) => {
    const said = []
    for (let at = 0; at < times; at++)
      said.push(await show(at % 2 ? `Bearer guess${at}` : basic(`ann:${at}`), address))
    return said
  }

  it('has to wait after ten, and gets one try in six seconds from then on', async () => {
    const its = known(auth)
    expect(await guess(its, 12)).toEqual([...Array.from({ length: 10 }, () => 'wrong'), 6, 6])
    its.clock.advance(3000)
    expect(await guess(its, 1)).toEqual([3])
    its.clock.advance(3000)
    expect(await guess(its, 2)).toEqual(['wrong', 6])
    its.clock.advance(60_000)
    expect(await guess(its, 11)).toEqual([...Array.from({ length: 10 }, () => 'wrong'), 6])
  })

  it('does not learn then which guess is right', async () => {
    const its = known(auth)
    await guess(its, 10)
    expect(await its.show(basic('ann:p'))).toBe(6)
    expect(await its.show('Bearer short')).toBe(6)
    its.clock.advance(6000)
    expect(await its.show(basic('ann:p'))).toBe('ann')
  })

  it('shuts out no token that cannot be guessed, nor who was let in there before, nor another address', async () => {
    const its = known(auth)
    expect(await its.show(basic('ann:p'))).toBe('ann')
    await guess(its, 20)
    expect(await its.show(`Bearer ${TOKEN}`)).toMatch(/^token-[0-9a-f]{8}$/)
    expect(await its.show(basic('ann:p'))).toBe('ann')
    expect(await its.show('Bearer short')).toBe(6)
    expect(await its.show('Bearer short', '192.0.2.2')).toMatch(/^token-/)
  })

  it('is one with all of its /64, and with its form in IPv6', async () => {
    const its = known(auth)
    await guess(its, 10, '2001:db8:0:1::1')
    expect(await guess(its, 1, '2001:db8:0:1:ffff:1:2:3')).toEqual([6])
    expect(await guess(its, 1, '2001:db8:0:2::1')).toEqual(['wrong'])
    await guess(its, 10, '::ffff:192.0.2.7')
    expect(await guess(its, 1, '192.0.2.7')).toEqual([6])
  })

  it('counts none for a request without credentials', async () => {
    const { credentials } = known(auth)
    for (let at = 0; at < 50; at++)
      expect(await credentials.identify(undefined, 'a')).toEqual({ wrong: false })
  })
})
