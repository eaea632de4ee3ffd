/** A tracer whose spans go to Zipkin, each as it ends: by OpenTelemetry's SDK and its exporter. @module */
import type { Tracer } from '@opentelemetry/api'
import { ZipkinExporter } from '@opentelemetry/exporter-zipkin'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

export function zipkinTracer(url: string, serviceName: string): Tracer {
  const exporter = new ZipkinExporter({ url: `${url}/api/v2/spans` })
  const resource = resourceFromAttributes({ 'service.name': serviceName })
  const spanProcessors = [new SimpleSpanProcessor({ exporter })]
  return new TracerProvider({ resource, spanProcessors }).getTracer('shop')
}
