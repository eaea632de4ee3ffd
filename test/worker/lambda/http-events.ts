/** HTTP as each of Lambda's front doors hands it over. @module */

export interface Asked {
  readonly method?: string
  readonly path?: string
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly base64?: boolean
}

const bodyOf = ({ body, base64 = false }: Asked) => ({
  ...(body !== undefined && { body }),
  isBase64Encoded: base64,
})

/** API Gateway, payload 2.0; a function URL says it in the same way. */
export const v2 = ({ method = 'GET', path = '/', query = '', headers = {}, ...asked }: Asked) => {
  const { cookie, ...others } = headers
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    headers: { 'x-forwarded-proto': 'https', ...others },
    requestContext: {
      accountId: '123456789012',
      apiId: 'api-id',
      domainName: 'id.execute-api.eu-west-1.amazonaws.com',
      domainPrefix: 'id',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'id',
      routeKey: '$default',
      stage: '$default',
      time: '12/Mar/2020:19:03:58 +0000',
      timeEpoch: 1_583_348_638_390,
    },
    ...bodyOf(asked),
  }
}

const pairs = (query: string) =>
  query === '' ? [] : query.split('&').map((pair) => pair.split('=') as [string, string])

/** A load balancer's target group without multi-value headers. */
export const alb = ({ method = 'GET', path = '/', query = '', headers = {}, ...asked }: Asked) => ({
  requestContext: {
    elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/t/1' },
  },
  httpMethod: method,
  path,
  queryStringParameters: Object.fromEntries(pairs(query)),
  headers: { host: 'lb.example', 'x-forwarded-proto': 'https', ...headers },
  body: '',
  ...bodyOf(asked),
})

const lists = (entries: readonly (readonly [string, string])[]) => {
  const all: Record<string, string[]> = {}
  for (const [name, value] of entries) (all[name] ??= []).push(value)
  return all
}

/** The same with multi-value headers. */
export const albMultiple = (asked: Asked & { readonly more?: readonly (readonly [string, string])[] }) => {
  const { queryStringParameters: _, headers, ...event } = alb(asked)
  return {
    ...event,
    multiValueQueryStringParameters: lists(pairs(asked.query ?? '')),
    multiValueHeaders: lists([...Object.entries(headers), ...(asked.more ?? [])]),
  }
}

/** A REST API, payload 1.0: its query comes decoded. */
export const v1 = (asked: Asked) => {
  const decoded = pairs(asked.query ?? '').map(
    ([name, value]) => [decodeURIComponent(name), decodeURIComponent(value)] as const,
  )
  const headers = asked.headers ?? {}
  return {
    version: '1.0',
    resource: '/{proxy+}',
    path: asked.path ?? '/',
    httpMethod: asked.method ?? 'GET',
    headers,
    multiValueHeaders: lists(Object.entries(headers)),
    queryStringParameters: decoded.length > 0 ? Object.fromEntries(decoded) : null,
    multiValueQueryStringParameters: decoded.length > 0 ? lists(decoded) : null,
    requestContext: { domainName: 'id.execute-api.eu-west-1.amazonaws.com', stage: 'prod' },
    body: null,
    ...bodyOf(asked),
  }
}
