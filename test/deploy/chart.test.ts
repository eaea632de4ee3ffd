/** The chart: what Helm makes of it is valid, and says what the docs say. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { globSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { AnySetting } from '../../cli/setting.ts'
import { ROOT } from '../package/tarball.ts'
import { CHART, helm, helmMissing, installHelm } from './helm.ts'
import { installSchemas, schemasMissing, validated } from './schemas.ts'
import type { Document } from './schemas.ts'

const EVERYTHING = join(CHART, 'ci/everything-values.yaml')
/** The oldest that the chart allows, and the newest that there are schemas of. */
const VERSIONS = ['1.27', '1.37']

const missing = helmMissing() ?? schemasMissing()
if (missing !== undefined && process.env['CI'] === 'true')
  throw new Error(`Tests of the chart must run under CI: ${missing}`)
if (missing !== undefined) process.stderr.write(`\nNOT VALIDATED, the chart of deploy/helm: ${missing}\n`)

/** A setting's values as they stand in the configuration file, at its path. */
const at = (path: string): string => `config.${path}`

const SETTINGS = (
  await Promise.all(globSync('cli/settings/*.ts', { cwd: ROOT }).map((path) => import(join(ROOT, path))))
)
  .flatMap((module) => Object.values(module as Record<string, unknown>).flat())
  .filter((each): each is AnySetting => (each as AnySetting | undefined)?.env !== undefined)

/** Rows of the README's tables, by the first cell. */
function rows(): Map<string, string> {
  const text = readFileSync(join(CHART, 'README.md'), 'utf8')
  const found = [...text.matchAll(/^\| (`[^|]+) \| ([^|]*) \|/gm)]
  return new Map(found.map(([, name = '', otherwise = '']) => [name.trim(), otherwise.trim()]))
}

describe('the copies that the chart holds', () => {
  it('of the rules are those of deploy/prometheus', () => {
    const rules = (folder: string) =>
      Object.fromEntries(
        globSync('*.rules.yml', { cwd: join(ROOT, folder) }).map((name) => [
          basename(name),
          readFileSync(join(ROOT, folder, name), 'utf8'),
        ]),
      )
    expect(
      rules('deploy/helm/kedge/files'),
      'cp deploy/prometheus/*.rules.yml deploy/helm/kedge/files/',
    ).toEqual(rules('deploy/prometheus'))
  })

  it('of the version is that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')).toContain(`\nappVersion: ${version}\n`)
  })
})

describe.skipIf(missing !== undefined)('the chart', { timeout: 120_000 }, () => {
  // Go builds Helm: minutes, and more where other suites run beside it.
  beforeAll(() => Promise.all([installHelm(), installSchemas()]), 1_800_000)

  async function rendered(...args: readonly string[]): Promise<readonly Document[]> {
    const { out, err, code } = await helm('template', 'shop', CHART, ...args)
    expect([code, err]).toEqual([0, ''])
    const { documents, faults } = await validated(out, VERSIONS.at(-1)!)
    expect(faults).toEqual([])
    return documents
  }

  const refusal = async (...args: readonly string[]): Promise<string> => {
    const { code, err } = await helm('template', 'shop', CHART, ...args)
    expect(code).not.toBe(0)
    return err
  }

  it('passes the linter of Helm, with its own values and with all', async () => {
    for (const values of [[], ['--values', EVERYTHING]]) {
      const { out, code } = await helm('lint', '--strict', CHART, ...values)
      expect([code, out]).toEqual([0, expect.stringContaining('0 chart(s) failed')])
    }
  })

  it.each(VERSIONS)('makes what Kubernetes %s, KEDA and the Prometheus operator know', async (version) => {
    const { out } = await helm('template', 'shop', CHART, '--values', EVERYTHING, '--kube-version', version)
    const { documents, faults } = await validated(out, version)
    expect(faults).toEqual([])
    const kinds = new Set(documents.map(({ kind }) => kind))
    expect([...kinds].toSorted()).toEqual(
      [
        'ConfigMap',
        'Deployment',
        'HorizontalPodAutoscaler',
        'NetworkPolicy',
        'PodDisruptionBudget',
        'ScaledObject',
        'Service',
        'ServiceAccount',
        'ServiceMonitor',
        ...(globSync('files/*.rules.yml', { cwd: CHART }).length > 0 ? ['PrometheusRule'] : []),
      ].toSorted(),
    )
  })

  it.each([
    ['Deployment', 'replicas:', 'replica:'],
    ['HorizontalPodAutoscaler', 'autoscaling/v2', 'autoscaling/v2beta2'],
    ['ScaledObject', 'minReplicaCount:', 'minReplicas:'],
    ['ServiceMonitor', 'endpoints:', 'endpoint:'],
  ])('would be refused with a %s whose %s is %s', async (kind, right, wrong) => {
    const { out } = await helm(
      'template',
      'shop',
      CHART,
      '--values',
      EVERYTHING,
      '--set',
      'gateway.autoscaling=null',
    )
    const documents = out.split(/^---$/m).filter((each) => each.includes(`\nkind: ${kind}\n`))
    const broken = documents.find((each) => each.includes(right))!.replace(right, wrong)
    const { faults } = await validated(broken, VERSIONS.at(-1)!)
    expect(faults).toHaveLength(1)
  })

  it('sets variables that the commands read, and no secret', async () => {
    const known = new Set(SETTINGS.map(({ env }) => env))
    for (const { kind, spec } of await rendered('--values', EVERYTHING)) {
      if (kind !== 'Deployment') continue
      const [container] = spec.template.spec.containers
      for (const { name } of container.env) {
        const knows = known.has(name) || name === 'KEDGE_CONFIG'
        expect([name, knows]).toEqual([name, true])
        expect(SETTINGS.find(({ env }) => env === name)?.secret).not.toBe(true)
      }
      expect(container.envFrom).toContainEqual({ secretRef: { name: 'kedge' } })
    }
  })

  it('refuses each secret among its values', async () => {
    const secrets = SETTINGS.filter(({ secret, quiet, path }) => (secret || quiet) && path !== 'sync.to')
    expect(secrets.length).toBeGreaterThan(10)
    for (const { path } of secrets) {
      const error = await refusal('--set', `${at(path)}=x`)
      expect([path, error]).toEqual([path, expect.stringContaining(`at '/config`)])
    }
    expect(await refusal('--set', 'config.sync.to=redis://:secret@redis')).toContain('/config/sync/to')
    expect(
      await refusal('--set', 'gateway.env[0].name=KEDGE_GATEWAY_TOKEN,gateway.env[0].value=x'),
    ).toContain('/gateway/env/0')
  })

  it.each([
    ['a value that it does not know', 'gateway.replica=3'],
    ['a wrong type', 'gateway.replicas=many'],
    ['an autoscaler of another kind', 'sync.autoscaling.kind=vpa'],
    ['the port of health', 'gateway.port=9090'],
    ['a least number above the most', 'gateway.autoscaling.kind=hpa,gateway.autoscaling.minReplicas=11'],
    [
      'no address of Prometheus',
      'sync.enabled=true,sync.autoscaling.kind=keda,sync.autoscaling.trigger=prometheus',
    ],
  ])('refuses %s', async (_, set) => {
    expect(await refusal('--set', set)).not.toBe('')
  })

  it('gives each pod as long as its drain and its grace take', async () => {
    const documents = await rendered(
      '--values',
      EVERYTHING,
      '--set',
      'gateway.drainSeconds=30,gateway.graceSeconds=40',
    )
    const deployments = documents.filter(({ kind }) => kind === 'Deployment')
    expect(deployments).toHaveLength(5)
    for (const { spec } of deployments) {
      const [{ env }] = spec.template.spec.containers
      const seconds = (env as { name: string; value: string }[])
        .filter(({ name }) => /_(DRAIN|GRACE)$/.test(name))
        .reduce((sum, { value }) => sum + Number(/^(\d+)s$/.exec(value)![1]), 0)
      expect(seconds).toBeGreaterThan(0)
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(seconds)
    }
  })

  it('lets each pod be reached by those that it serves, on their port alone, and reach names and its gateway', async () => {
    const monitoring = ['--set', 'networkPolicy.monitoring[0].podSelector.matchLabels.app=prometheus']
    const documents = await rendered('--values', EVERYTHING, ...monitoring)
    const policies = documents.filter(({ kind }) => kind === 'NetworkPolicy')
    expect(policies).toHaveLength(5)
    for (const { metadata, spec } of policies) {
      const froms = spec.ingress.map(({ ports, from }: { ports: { port: string }[]; from: unknown }) => [
        ports.map(({ port }) => port),
        from,
      ])
      const prometheus = [{ podSelector: { matchLabels: { app: 'prometheus' } } }]
      const isServer = /-(gateway|serve)$/.test(metadata.name)
      const clients = isServer ? [[['http'], [{ podSelector: {} }]]] : []
      expect([metadata.name, froms]).toEqual([metadata.name, [...clients, [['health'], prometheus]]])
      expect(spec.egress[0].ports).toEqual([
        { protocol: 'UDP', port: 53 },
        { protocol: 'TCP', port: 53 },
      ])
      const gateways = spec.egress.slice(1, -1).map(({ ports }: { ports: unknown }) => ports)
      expect(gateways).toEqual(
        metadata.name.endsWith('-gateway') ? [] : [[{ protocol: 'TCP', port: 'http' }]],
      )
    }
  })

  it('gives a pod no more than it needs, and no name of a Service for a setting', async () => {
    for (const { kind, spec } of await rendered('--values', EVERYTHING)) {
      if (kind !== 'Deployment') continue
      const pod = spec.template.spec
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false })
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })

  it('replaces pods one by one without a gap, and when their configuration changes', async () => {
    const deployments = async (...args: readonly string[]) =>
      (await rendered('--values', EVERYTHING, ...args)).filter(({ kind }) => kind === 'Deployment')
    const sumOf = ({ spec }: Document) => spec.template.metadata.annotations['checksum/config']
    const [first, same, after] = await Promise.all([
      deployments(),
      deployments('--set', 'gateway.replicas=7'),
      deployments('--set', 'config.ttl=7m'),
    ])
    for (const [index, one] of first.entries()) {
      expect(one.spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
      expect(sumOf(same[index]!)).toBe(sumOf(one))
      expect(sumOf(after[index]!)).not.toBe(sumOf(one))
    }
  })

  it('sends a client to the gateway that has its consumer instance, and others to the gateway of the release', async () => {
    const documents = await rendered('--values', EVERYTHING)
    const service = documents.find(
      ({ kind, metadata }) => kind === 'Service' && metadata.name === 'shop-kedge-gateway',
    )
    expect(service!.spec.sessionAffinity).toBe('ClientIP')
    const urls = (all: readonly Document[]) =>
      all
        .filter(({ kind }) => kind === 'Deployment')
        .flatMap(({ spec }) => spec.template.spec.containers[0].env)
        .flatMap(({ name, value }: { name: string; value: string }) => (name === 'KEDGE_URL' ? [value] : []))
    const inside = await rendered('--values', EVERYTHING, '--set', 'config.url=null')
    expect(new Set(urls(inside))).toEqual(new Set(['http://shop-kedge-gateway:8082']))
    const elsewhere = await rendered('--values', EVERYTHING, '--set', 'config.url=https://kafka-rest.example')
    expect(urls(elsewhere)).toEqual([])
  })

  it('starts a relay by its configuration alone', async () => {
    const documents = await rendered('--set', 'config.gateway.upstream=https://kafka-rest.example')
    const config = documents.find(({ kind }) => kind === 'ConfigMap') as unknown as {
      data: Record<string, string>
    }
    expect(JSON.parse(config.data['kedge.config.json']!)).toEqual({
      gateway: { upstream: 'https://kafka-rest.example' },
    })
  })

  it('keeps a process that is behind among the endpoints of its lag, and restarts none for it', async () => {
    const documents = await rendered('--values', EVERYTHING)
    const of = (kind: string, name: string) =>
      documents.find((each) => each.kind === kind && each.metadata.name === `shop-kedge-${name}`)!.spec
    for (const name of ['gateway', 'serve', 'sync', 'loader', 'persister']) {
      expect(of('Service', `${name}-health`).publishNotReadyAddresses).toBe(true)
      expect(of('Deployment', name).template.spec.containers[0].livenessProbe.httpGet.path).toBe('/healthz')
      expect(of('PodDisruptionBudget', name).unhealthyPodEvictionPolicy).toBe('AlwaysAllow')
    }
    // Clients of `serve` keep their endpoints while the log is away: it serves stale values then, and says so.
    expect(of('Deployment', 'serve').template.spec.containers[0].readinessProbe.httpGet.path).toBe('/healthz')
    expect(of('Deployment', 'sync').template.spec.containers[0].readinessProbe.httpGet.path).toBe('/readyz')
    // Rehydrating may take an hour: it must not count as a start that fails.
    expect(of('Deployment', 'sync').template.spec.containers[0].startupProbe.httpGet.path).toBe('/healthz')
  })

  it('scales by the lag: 2 to 10, 5000 records each', async () => {
    const documents = await rendered('--values', EVERYTHING)
    const hpa = documents.find(
      ({ kind, metadata }) => kind.startsWith('Horizontal') && metadata.name.endsWith('-sync'),
    )!
    expect(hpa.apiVersion).toBe('autoscaling/v2')
    expect(hpa.spec).toMatchObject({ minReplicas: 2, maxReplicas: 10 })
    expect(hpa.spec.metrics).toEqual([
      {
        type: 'External',
        external: {
          metric: { name: 'kafka_consumer_lag', selector: { matchLabels: { topic: 'orders' } } },
          target: { type: 'AverageValue', averageValue: '5000' },
        },
      },
    ])
    const triggers = documents
      .filter(({ kind }) => kind === 'ScaledObject')
      .map(({ spec }) => spec.triggers[0])
    expect(triggers.map(({ type }): string => type).toSorted()).toEqual(['cpu', 'metrics-api', 'prometheus'])
    expect(triggers.find(({ type }) => type === 'metrics-api').metadata).toEqual({
      url: 'http://shop-kedge-loader-health.default.svc:9090/lag',
      valueLocation: 'records',
      targetValue: '5000',
    })
    const kafka =
      'kind=keda,trigger=apache-kafka,bootstrapServers=kafka:9092,consumerGroup=orders,topic=orders'
    const sets = kafka.split(',').map((each) => `sync.autoscaling.${each}`)
    const scaled = await rendered('--set', ['sync.enabled=true', ...sets].join(','))
    expect(scaled.find(({ kind }) => kind === 'ScaledObject')!.spec.triggers[0].type).toBe('apache-kafka')
  })

  it('takes the alerts as they are written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kedge-chart-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await cp(CHART, folder, { recursive: true })
    const rule =
      "{ alert: Lag, expr: 'kafka_consumer_lag > 1', annotations: { summary: '{{ $labels.topic }}' } }"
    await writeFile(join(folder, 'files/a.rules.yml'), `groups: [{ name: a, rules: [${rule}] }]\n`)
    const { out } = await helm('template', 'shop', folder, '--set', 'prometheusRule.enabled=true')
    const { documents, faults } = await validated(out, VERSIONS.at(-1)!)
    expect(faults).toEqual([])
    const { groups } = documents.find(({ kind }) => kind === 'PrometheusRule')!.spec
    expect(groups).toContainEqual({
      name: 'a',
      rules: [
        { alert: 'Lag', expr: 'kafka_consumer_lag > 1', annotations: { summary: '{{ $labels.topic }}' } },
      ],
    })
  })

  it('explains each of its values, with its default, and none that it has not', async () => {
    const { out } = await helm('show', 'values', CHART)
    const { documents } = await validated(`kind: Values\n${out}`, VERSIONS.at(-1)!)
    const values = documents[0] as unknown as Record<string, unknown>
    const components = ['gateway', 'serve', 'sync', 'loader', 'persister']
    const leaves = (value: unknown, path: string): [string, unknown][] =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length > 0 &&
      !path.endsWith('resources')
        ? Object.entries(value).flatMap(([name, of]) => leaves(of, path === '' ? name : `${path}.${name}`))
        : [[path, value]]
    const shown = (value: unknown) =>
      `\`${value === '' ? "''" : typeof value === 'string' ? value : JSON.stringify(value)}\``
    const wanted = new Map<string, string>()
    for (const [name, value] of Object.entries(values))
      if (name !== 'kind' && !components.includes(name))
        for (const [path, leaf] of leaves(value, name)) wanted.set(`\`${path}\``, shown(leaf))
    const own = components.map((name) => new Map(leaves(values[name], '')))
    for (const path of new Set(own.flatMap((of) => [...of.keys()]))) {
      const each = own.map((of) => (of.has(path) ? shown(of.get(path)) : '–'))
      wanted.set(`\`${path}\``, new Set(each).size === 1 ? each[0]! : each.join(' '))
    }
    const table = rows()
    expect(Object.fromEntries([...wanted].map(([name]) => [name, table.get(name)]))).toEqual(
      Object.fromEntries(wanted),
    )
    const schema = readFileSync(join(CHART, 'values.schema.json'), 'utf8')
    for (const name of table.keys())
      for (const [, leaf] of name.matchAll(/`(?:\w+\.)*(\w+)`/g)) expect(schema).toContain(`"${leaf}"`)
  })
})
