/**
 * What came of the races when they were last looked at. When a peer has changed, this is what notices.
 *
 * @module
 */
import type { Outcome, RaceName } from './outcome.ts'

type Outcomes = Readonly<Record<RaceName, Outcome>>

/** By the names of packages. kedge is not among them: it passes. */
export const EXPECTED: Readonly<Record<string, Outcomes>> = {
  bentocache: {
    'load across its invalidation': 'fail',
    'load across an invalidation elsewhere': 'fail',
    'load across an invalidation of its tag': 'fail',
    'caller after an invalidation': 'fail',
    'lost message': 'fail',
    'restart of the bus, reader back first': 'pass',
    'restart of the bus, writer back first': 'fail',
    'two requests for one key in workerd': 'fail',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'fail',
  },
  cacheable: {
    'load across its invalidation': 'fail',
    'load across an invalidation elsewhere': 'fail',
    'load across an invalidation of its tag': 'fail',
    'caller after an invalidation': 'fail',
    'lost message': 'fail',
    'restart of the bus, reader back first': 'pass',
    'restart of the bus, writer back first': 'fail',
    'two requests for one key in workerd': 'fail',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'fail',
  },
  '@unkey/cache': {
    'load across its invalidation': 'fail',
    'load across an invalidation elsewhere': 'none',
    'load across an invalidation of its tag': 'none',
    'caller after an invalidation': 'fail',
    'lost message': 'none',
    'restart of the bus, reader back first': 'none',
    'restart of the bus, writer back first': 'none',
    'two requests for one key in workerd': 'pass',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'pass',
  },
  'layered-loader': {
    'load across its invalidation': 'pass',
    'load across an invalidation elsewhere': 'pass',
    'load across an invalidation of its tag': 'pass',
    'caller after an invalidation': 'pass',
    'lost message': 'fail',
    'restart of the bus, reader back first': 'pass',
    'restart of the bus, writer back first': 'fail',
    'two requests for one key in workerd': 'pass',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'pass',
  },
  'async-cache-dedupe': {
    'load across its invalidation': 'fail',
    'load across an invalidation elsewhere': 'fail',
    'load across an invalidation of its tag': 'fail',
    'caller after an invalidation': 'pass',
    'lost message': 'pass',
    'restart of the bus, reader back first': 'pass',
    'restart of the bus, writer back first': 'pass',
    'two requests for one key in workerd': 'pass',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'pass',
  },
  '@epic-web/cachified': {
    'load across its invalidation': 'fail',
    'load across an invalidation elsewhere': 'none',
    'load across an invalidation of its tag': 'none',
    'caller after an invalidation': 'fail',
    'lost message': 'none',
    'restart of the bus, reader back first': 'none',
    'restart of the bus, writer back first': 'none',
    'two requests for one key in workerd': 'pass',
    'leader cancelled in workerd': 'fail',
    'key of a cancelled leader, later': 'fail',
    'leader cancelled in workerd, its call kept alive': 'pass',
  },
}
