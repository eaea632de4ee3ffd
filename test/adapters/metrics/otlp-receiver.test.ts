import { describe, expect, it } from 'vitest'
import { readPush } from '../../otlp/receiver.ts'

// That it takes what the collector takes is tested by the collector: test/worker/otlp-collector.test.ts.
describe('the receiver of the other tests', () => {
  it.each([
    [
      'an enum by its name',
      (body: string) =>
        body.replace(
          '"aggregationTemporality":1',
          '"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"',
        ),
    ],
    ['an unknown field', (body: string) => body.replace('"unit"', '"units"')],
    ['an integer as a number', (body: string) => body.replace('"asInt":"1"', '"asInt":1')],
    [
      'a time in milliseconds',
      (body: string) => body.replaceAll(/"timeUnixNano":"(\d{13})\d{6}"/g, '"timeUnixNano":"$1"'),
    ],
  ])('refuses %s', (_, spoilt) => {
    const point =
      '{"attributes":[],"startTimeUnixNano":"1700000000000000000","timeUnixNano":"1700000001000000000","asInt":"1"}'
    const metric = `{"name":"a","description":"","unit":"","sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[${point}]}}`
    const body = `{"resourceMetrics":[{"resource":{"attributes":[]},"scopeMetrics":[{"scope":{"name":"kedge"},"metrics":[${metric}]}]}]}`
    expect(readPush(body).values).toEqual({ a: 1 })
    expect(spoilt(body)).not.toBe(body)
    expect(() => readPush(spoilt(body))).toThrow()
  })
})
