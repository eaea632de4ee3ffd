/** Tokens by client credentials: from a token endpoint on the loopback, on a fake clock. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clientCredentials } from '../../../../services/gateway/index.ts'
import type { ClientCredentialsOptions } from '../../../../services/gateway/index.ts'
import { fakeRuntime } from '../../../../src/testing/index.ts'

interface Asked {
  readonly method: string | undefined
  readonly authorization: string | undefined
  readonly form: Record<string, string>
}

async function endpoint(options: Partial<ClientCredentialsOptions> = {}) {
  const asked: Asked[] = []
  const at = {
    answer: (response: ServerResponse): void =>
      void response.end(`{"access_token":"t${asked.length}","token_type":"Bearer","expires_in":100}`),
  }
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { authorization } = request.headers
    asked.push({ method: request.method, authorization, form: Object.fromEntries(new URLSearchParams(body)) })
    at.answer(response)
  }
  const server = createServer((request, response) => void take(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
  const runtime = fakeRuntime()
  const token = clientCredentials({
    tokenUrl,
    clientId: 'kedge',
    clientSecret: 'pässword: &',
    runtime,
    ...options,
  })
  return { token, asked, at, runtime }
}

const messageOf = (ask: Promise<string>) =>
  ask.then(
    () => 'it gave one',
    (error: Error) => error.message,
  )

describe('client credentials', () => {
  it('are sent as RFC 6749 has it, and the scope with them', async () => {
    const { token, asked } = await endpoint({ scope: 'kafka read' })
    expect(await token()).toBe('t1')
    const basic = Buffer.from('kedge:p%C3%A4ssword%3A+%26').toString('base64')
    expect(asked).toEqual([
      {
        method: 'POST',
        authorization: `Basic ${basic}`,
        form: { grant_type: 'client_credentials', scope: 'kafka read' },
      },
    ])
  })

  it('are sent once for all who ask, and again before the token ends', async () => {
    const { token, asked, runtime } = await endpoint()
    expect(await Promise.all([token(), token(), token()])).toEqual(['t1', 't1', 't1'])
    await runtime.advance(79_000)
    expect(await token()).toBe('t1')
    await runtime.advance(1500)
    expect(await token()).toBe('t2')
    expect(asked).toHaveLength(2)
  })

  it('give the token that is there while the endpoint fails, and no longer than it lasts', async () => {
    const { token, asked, at, runtime } = await endpoint()
    await token()
    at.answer = (response) => void response.writeHead(500).end()
    await runtime.advance(81_000)
    expect(await token()).toBe('t1')
    expect(await token()).toBe('t1')
    expect(asked).toHaveLength(2)
    await runtime.advance(20_000)
    expect(await messageOf(token())).toBe('The token endpoint answered with status 500.')
    expect(asked).toHaveLength(3)
  })

  it('leave an endpoint alone for a second after a failure', async () => {
    const { token, asked, at, runtime } = await endpoint()
    at.answer = (response) => void response.writeHead(503).end()
    for (let nth = 0; nth < 5; nth++) await messageOf(token())
    expect(asked).toHaveLength(1)
    await runtime.advance(1001)
    await messageOf(token())
    expect(asked).toHaveLength(2)
  })

  it('have a deadline, also for the body', async () => {
    const { token, at, runtime } = await endpoint()
    let wasAsked!: () => void
    const begun = new Promise<void>((resolve) => (wasAsked = resolve))
    at.answer = (response) => {
      response.writeHead(200).write('{"access')
      wasAsked()
    }
    const ask = messageOf(token())
    await begun
    await runtime.advance(5000)
    expect(await ask).toBe('The token endpoint did not answer in time.')
  })

  it.each([
    [
      'says who is refused',
      401,
      '{"error":"invalid_client","error_description":"pässword"}',
      'The token endpoint answered with status 401 (invalid_client).',
      true,
    ],
    [
      'quotes what it got',
      400,
      '{"error":"pässword: &"}',
      'The token endpoint answered with status 400.',
      true,
    ],
    ['is tired', 429, '', 'The token endpoint answered with status 429.', false],
    ['redirects', 302, '', 'The token endpoint cannot be reached.', false],
    ['speaks HTML', 200, '<html>', 'The answer of the token endpoint holds no bearer token.', false],
    [
      'has no token',
      200,
      '{"token_type":"Bearer"}',
      'The answer of the token endpoint holds no bearer token.',
      false,
    ],
    [
      'has one of another kind',
      200,
      '{"access_token":"a","token_type":"mac"}',
      'The answer of the token endpoint holds no bearer token.',
      false,
    ],
    [
      'has one that has ended',
      200,
      '{"access_token":"a","token_type":"Bearer","expires_in":-1}',
      'The answer of the token endpoint holds no bearer token.',
      false,
    ],
    ['does not end', 200, 'x'.repeat(200_000), 'The answer of the token endpoint is too long.', false],
  ])('give none where the endpoint %s', async (_what, status, body, message, refused) => {
    const { token, at } = await endpoint()
    at.answer = (response) => void response.writeHead(status, { location: '/elsewhere' }).end(body)
    await expect(token()).rejects.toMatchObject({ message, refused })
  })

  it('give none where nothing listens', async () => {
    const token = clientCredentials({ tokenUrl: 'http://127.0.0.1:1/', clientId: 'a', clientSecret: 'b' })
    await expect(token()).rejects.toMatchObject({
      message: 'The token endpoint cannot be reached.',
      refused: false,
    })
  })

  it.each([
    ['tokenUrl', { tokenUrl: 'http://login.example/token' }],
    ['tokenUrl', { tokenUrl: 'https://user:secret@login.example/' }],
    ['tokenUrl', { tokenUrl: 'ftp://127.0.0.1/' }],
    ['clientId', { clientId: '' }],
    ['clientSecret', { clientSecret: 7 }],
    ['scope', { scope: ' a' }],
    ['timeout', { timeout: 'soon' }],
  ])('refuse a wrong `%s`: %j', (name, wrong) => {
    const right = { tokenUrl: 'https://login.example/token', clientId: 'a', clientSecret: 's3cret' }
    const make = () => clientCredentials({ ...right, ...(wrong as object) })
    expect(make).toThrow(`\`${name}\``)
    expect(make).not.toThrow('s3cret')
  })
})
