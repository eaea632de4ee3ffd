/** Requests that were answered, as OpenTelemetry's conventions for HTTP servers have them (semantic conventions 1.23 and later). @module */
import { METHODS } from '../shared/http-methods.ts'
import type { Histograms, Timed } from './histograms.ts'

/** A request that was answered. */
export interface AnsweredRequest {
  readonly method: string
  readonly status: number
  /** @default 'http' */
  readonly scheme?: 'http' | 'https'
  /** The pattern of its route, `/users/:id`, and never its path: each one has a series. */
  readonly route?: string
}

const TIMED: Timed = {
  name: 'http.server.request.duration',
  description: 'Requests, until their answer begins.',
  unit: 's',
  // Those that the conventions ask for.
  bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
}
const MAX_ROUTE = 200

/** @returns what counts a request, and how long it took in milliseconds */
export function requestHistogram(histograms: Histograms): (request: AnsweredRequest, ms: number) => void {
  return ({ method, status, scheme = 'http', route }, ms) =>
    histograms.record(TIMED, ms, {
      'http.request.method': METHODS.has(method) ? method : '_OTHER',
      'url.scheme': scheme,
      'http.response.status_code': status,
      ...(status >= 500 && { 'error.type': String(status) }),
      ...(route !== undefined && { 'http.route': route.slice(0, MAX_ROUTE) }),
    })
}
