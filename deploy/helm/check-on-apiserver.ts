/**
 * Installs the chart on a real API server: `node deploy/helm/check-on-apiserver.ts [--bin FOLDER]`.
 *
 * It needs `etcd` (Debian: etcd-server), `helm` and `kube-apiserver`, on PATH or in the folder; `--build` has Go build
 * the latter two into it, which takes some 15 minutes on two cores. Go also fetches the definitions of KEDA and of the
 * Prometheus operator. Nothing runs pods: it shows what the server accepts, not what a cluster does.
 *
 * @module
 */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { buildPrograms, definitions, programIn } from './apiserver-programs.ts'
import { freePort } from '../../test/store-servers/ports.ts'

const run = promisify(execFile)
const CHART = fileURLToPath(new URL('kedge', import.meta.url))
const EVERYTHING = join(CHART, 'ci/everything-values.yaml')
const TOKEN = 'lab-token'
const NAMESPACE = 'shop'

const { values: given } = parseArgs({
  options: { bin: { type: 'string', default: '' }, build: { type: 'boolean', default: false } },
})
const bin = given.bin === '' ? '' : resolve(given.bin)
if (given.build) {
  if (bin === '') throw new Error('--build needs --bin: where the programs go')
  await mkdir(bin, { recursive: true })
  await buildPrograms(bin)
}

interface Answer {
  readonly status: number
  readonly body: string
}

const began = performance.now()
const say = (text: string) =>
  process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}\n`)
const programs = {
  etcd: programIn(bin, 'etcd'),
  apiserver: programIn(bin, 'kube-apiserver'),
  helm: programIn(bin, 'helm'),
}
const folder = await mkdtemp(join(tmpdir(), 'kedge-apiserver-'))
const children: ChildProcess[] = []
const [clients, peers, port] = [await freePort(), await freePort(), await freePort()]
let certificate = ''

function started(file: string, args: readonly string[]): void {
  const child = spawn(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  child.on('exit', (code) => code && say(`${file} has ended with ${code}:\n${said}`))
  children.push(child)
}

/** Asks the server. What is sent is YAML or JSON, which it reads alike. */
const ask = (method: string, path: string, body?: string): Promise<Answer> =>
  new Promise((done, fail) => {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/yaml',
      accept: 'application/json',
    }
    const options = { host: '127.0.0.1', port, path, method, headers, ca: certificate }
    const asked = request(options, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (piece: string) => (text += piece))
      answer.on('end', () => done({ status: answer.statusCode ?? 0, body: text }))
    })
    asked.on('error', fail).end(body)
  })

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 120_000
  while (!(await holds().catch(() => false))) {
    if (performance.now() > end) throw new Error(`${what} has not come in two minutes`)
    await new Promise((done) => setTimeout(done, 300))
  }
}

/** Where things of a kind are made, by what the server says of itself. */
async function placeOf(apiVersion: string, kind: string): Promise<string> {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const { status, body } = await ask('GET', group)
  if (status !== 200) throw new Error(`the server does not know ${apiVersion} (${status})`)
  const { resources } = JSON.parse(body) as {
    resources: { name: string; kind: string; namespaced: boolean }[]
  }
  const found = resources.find((each) => each.kind === kind && !each.name.includes('/'))
  if (found === undefined) throw new Error(`the server does not know ${kind} of ${apiVersion}`)
  return found.namespaced ? `${group}/namespaces/${NAMESPACE}/${found.name}` : `${group}/${found.name}`
}

/** Sends a document, so that an unknown or doubled field is an error. Nothing is kept with `dryRun`. */
async function sent(document: string, dryRun: boolean): Promise<Answer> {
  const field = (name: string) => new RegExp(`^${name}: ['"]?([^'"\\s]+)`, 'm').exec(document)?.[1] ?? ''
  const { apiVersion, kind } = document.startsWith('{')
    ? (JSON.parse(document) as { apiVersion: string; kind: string })
    : { apiVersion: field('apiVersion'), kind: field('kind') }
  const dry = dryRun ? '&dryRun=All' : ''
  return ask('POST', `${await placeOf(apiVersion, kind)}?fieldValidation=Strict${dry}`, document)
}

const mustBe = (what: string, { status, body }: Answer, wanted: number): void => {
  if (status !== wanted) throw new Error(`${what}: ${status} in place of ${wanted}: ${body.slice(0, 1500)}`)
}

const helm = async (...args: readonly string[]): Promise<string> =>
  (await run(programs.helm, [...args, '--kubeconfig', join(folder, 'kubeconfig'), '--namespace', NAMESPACE]))
    .stdout

async function startServer(): Promise<void> {
  started(programs.etcd, [
    '--data-dir',
    'etcd',
    '--log-level',
    'error',
    '--listen-client-urls',
    `http://127.0.0.1:${clients}`,
    '--advertise-client-urls',
    `http://127.0.0.1:${clients}`,
    '--listen-peer-urls',
    `http://127.0.0.1:${peers}`,
    '--initial-advertise-peer-urls',
    `http://127.0.0.1:${peers}`,
    '--initial-cluster',
    `default=http://127.0.0.1:${peers}`,
  ])
  await run('openssl', ['genrsa', '-out', join(folder, 'sa.key'), '2048'])
  await run('openssl', ['rsa', '-in', join(folder, 'sa.key'), '-pubout', '-out', join(folder, 'sa.pub')])
  await writeFile(join(folder, 'tokens.csv'), `${TOKEN},admin,admin,"system:masters"\n`)
  started(programs.apiserver, [
    `--etcd-servers=http://127.0.0.1:${clients}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--cert-dir=certs',
    '--service-account-issuer=https://lab',
    '--service-account-key-file=sa.pub',
    '--service-account-signing-key-file=sa.key',
    '--authorization-mode=AlwaysAllow',
    '--anonymous-auth=false',
    '--token-auth-file=tokens.csv',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--disable-admission-plugins=ServiceAccount',
  ])
  const own = join(folder, 'certs/apiserver.crt')
  await until('the API server', async () => {
    certificate = await readFile(own, 'utf8')
    return (await ask('GET', '/readyz')).status === 200
  })
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'lab', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': own } },
    ],
    users: [{ name: 'lab', user: { token: TOKEN } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab', namespace: NAMESPACE } }],
    'current-context': 'lab',
  }
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(config), { mode: 0o600 })
}

/** A server that knows KEDA and the Prometheus operator, and a namespace that holds pods to the restricted profile. */
async function prepared(): Promise<void> {
  await startServer()
  const { stdout: version } = await run(programs.apiserver, ['--version'])
  say(`kube-apiserver is ready: ${version.trim()}`)

  for (const file of await definitions()) mustBe(file, await sent(await readFile(file, 'utf8'), false), 201)
  for (const [group, kind] of [
    ['keda.sh/v1alpha1', 'ScaledObject'],
    ['monitoring.coreos.com/v1', 'ServiceMonitor'],
    ['monitoring.coreos.com/v1', 'PrometheusRule'],
  ] as const)
    await until(kind, async () => (await placeOf(group, kind)) !== '')
  say('it knows KEDA and the Prometheus operator')

  // Admission then holds every pod to the restricted profile of the Pod Security Standards.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } }
  mustBe('the namespace', await ask('POST', '/api/v1/namespaces', JSON.stringify(namespace)), 201)
}

async function documentsAreAccepted(): Promise<void> {
  const rendered = await helm('template', 'kedge', CHART, '--values', EVERYTHING)
  const documents = rendered.split(/^---$/m).filter((each) => /^kind: /m.test(each))
  for (const document of documents) mustBe(document, await sent(document, true), 201)
  say(`${documents.length} documents are accepted strictly`)

  const wrong = documents.find((each) => each.includes('kind: Deployment'))!
  mustBe(
    'a Deployment with an unknown field',
    await sent(wrong.replace('strategy:', 'strategie:'), true),
    400,
  )
  mustBe(
    'a Deployment with a wrong type',
    await sent(wrong.replace(/containerPort: \d+/, 'containerPort: "x"'), true),
    400,
  )
  say('a broken one is refused')
}

async function podsAreAdmitted(): Promise<void> {
  await helm('install', 'kedge', CHART, '--values', EVERYTHING)
  const { items } = JSON.parse(
    (await ask('GET', `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`)).body,
  ) as {
    items: { metadata: { name: string }; spec: { template: { metadata: object; spec: object } } }[]
  }
  if (items.length !== 5) throw new Error(`${items.length} Deployments in place of 5`)
  const account = (spec: object) => ({ ...spec, serviceAccountName: 'default' })
  for (const { metadata, spec } of items) {
    const pod = (of: object) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...spec.template.metadata, name: metadata.name },
        spec: account(of),
      })
    mustBe(metadata.name, await sent(pod(spec.template.spec), true), 201)
    mustBe(
      `${metadata.name} on the host's network`,
      await sent(pod({ ...spec.template.spec, hostNetwork: true }), true),
      403,
    )
  }
  say(
    `installed; the pods of ${items.length} Deployments are admitted as restricted, and one with hostNetwork is not`,
  )
}

async function autoscalersAreThere(): Promise<void> {
  const { items: scalers } = JSON.parse(
    (await ask('GET', `/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers`)).body,
  ) as {
    items: {
      metadata: { name: string }
      spec: {
        minReplicas: number
        maxReplicas: number
        metrics: { external?: { metric: { name: string }; target: { averageValue: string } } }[]
      }
    }[]
  }
  for (const { metadata, spec } of scalers) {
    const external = spec.metrics[0]?.external
    const by = external ? `${external.metric.name} averageValue ${external.target.averageValue}` : 'cpu'
    say(`${metadata.name}: min ${spec.minReplicas}, max ${spec.maxReplicas}, by ${by}`)
  }
  const sync = scalers.find(({ metadata }) => metadata.name.endsWith('-sync'))
  if (!['5k', '5000'].includes(sync?.spec.metrics[0]?.external?.target.averageValue ?? ''))
    throw new Error('the autoscaler of sync does not say 5000')
}

async function releaseIsUpgraded(): Promise<void> {
  await helm('upgrade', 'kedge', CHART, '--set', 'gateway.replicas=3')
  const { items: left } = JSON.parse(
    (await ask('GET', `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`)).body,
  ) as {
    items: { spec: { replicas: number } }[]
  }
  if (left.length !== 1 || left[0]?.spec.replicas !== 3)
    throw new Error('the upgrade left something else than 3 gateways')
  say('upgraded to the gateway alone')
  await helm('uninstall', 'kedge')
  say('uninstalled')
}

try {
  await prepared()
  await documentsAreAccepted()
  await podsAreAdmitted()
  await autoscalersAreThere()
  await releaseIsUpgraded()
} finally {
  for (const child of children.toReversed()) child.kill('SIGKILL')
  await Promise.all(
    children.map(
      (child) =>
        new Promise((done) => (child.exitCode === null ? child.once('exit', done) : done(undefined))),
    ),
  )
  await rm(folder, { recursive: true, force: true })
}
