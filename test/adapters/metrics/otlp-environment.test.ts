import { describe, expect, it } from 'vitest'
import { otlpOptions } from '../../../adapters/metrics/otlp.ts'

const OTEL_EXPORTER_OTLP_ENDPOINT = 'https://otlp.example/base'

describe("OpenTelemetry's variables of the environment", () => {
  it('push nothing without an endpoint', () => {
    expect(otlpOptions({ OTEL_SERVICE_NAME: 'shop' })).toBeUndefined()
    expect(otlpOptions({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeUndefined()
  })

  it('say where to, as whom, and how often', () => {
    expect(
      otlpOptions({
        OTEL_EXPORTER_OTLP_ENDPOINT,
        OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-tenant = 7,',
        OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
        OTEL_METRIC_EXPORT_INTERVAL: '60000',
        OTEL_SERVICE_NAME: 'shop',
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=production,team=a%2Cb',
      }),
    ).toEqual({
      url: OTEL_EXPORTER_OTLP_ENDPOINT,
      headers: { 'api-key': 'a b', 'x-tenant': '7' },
      requestTimeout: 3000,
      interval: 60_000,
      service: 'shop',
      resource: { 'deployment.environment.name': 'production', team: 'a,b' },
    })
  })

  it('name the service by its attribute where no name is given', () => {
    const options = otlpOptions({
      OTEL_EXPORTER_OTLP_ENDPOINT,
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=shop,service.version=1.2.0',
    })
    expect(options).toEqual({
      url: OTEL_EXPORTER_OTLP_ENDPOINT,
      service: 'shop',
      resource: { 'service.version': '1.2.0' },
    })
  })

  it('describe the function in Lambda, which pushes when an invocation begins', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT,
      AWS_REGION: 'eu-west-1',
      AWS_LAMBDA_FUNCTION_NAME: 'shop-api',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/30/[$LATEST]7',
    }
    expect(otlpOptions(env)).toEqual({
      url: OTEL_EXPORTER_OTLP_ENDPOINT,
      service: 'shop-api',
      requestTimeout: '500ms',
      boundary: 'start',
      resource: {
        'cloud.provider': 'aws',
        'cloud.platform': 'aws_lambda',
        'cloud.region': 'eu-west-1',
        'faas.name': 'shop-api',
        'faas.version': '$LATEST',
        'faas.instance': '2026/11/30/[$LATEST]7',
        'faas.max_memory': 536_870_912,
      },
    })
  })

  it.each([
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'secret'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://user:secret@otlp.example'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'api-key=%secret'],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', 'secret'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '10s-secret'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=secret'],
  ])('that are wrong are named, and not shown: %s', (name, value) => {
    const read = () => otlpOptions({ OTEL_EXPORTER_OTLP_ENDPOINT, [name]: value })
    expect(read).toThrow(TypeError)
    expect(read).toThrow(`\`${name}\``)
    expect(read).not.toThrow('secret')
  })
})
