/** What the check on a real API server needs from Go's module proxy. @module */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)

const HELM = 'helm.sh/helm/v4/cmd/helm@v4.3.1'
const KUBERNETES = ['k8s.io/kubernetes', 'v1.35.4'] as const
/** Its parts have versions of their own. */
const PARTS = 'v0.35.4'

const DEFINITIONS: readonly (readonly [module: string, files: readonly string[]])[] = [
  ['github.com/kedacore/keda/v2@v2.17.2', ['config/crd/bases/keda.sh_scaledobjects.yaml']],
  [
    'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    ['servicemonitors', 'prometheusrules'].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
  ],
]

interface Module {
  readonly Dir: string
  readonly GoMod: string
}

async function fetched(module: string): Promise<Module> {
  const env = { ...process.env, GOFLAGS: '' }
  return JSON.parse((await run('go', ['mod', 'download', '-json', module], { env })).stdout) as Module
}

/** The files that define the kinds of KEDA and of the Prometheus operator that the chart makes. */
export async function definitions(): Promise<string[]> {
  const found: string[] = []
  for (const [module, files] of DEFINITIONS) {
    const { Dir } = await fetched(module)
    found.push(...files.map((file) => join(Dir, file)))
  }
  return found
}

/** Builds `helm` and `kube-apiserver` into the folder. */
export async function buildPrograms(folder: string): Promise<void> {
  const env = { ...process.env, GOBIN: folder, GOFLAGS: '-mod=mod' }
  await run('go', ['install', '-ldflags', '-s -w', HELM], { env })
  // Its go.mod replaces its parts by folders beside it, which a module of Go's proxy has not: here by their releases.
  const [name, version] = KUBERNETES
  const { GoMod } = await fetched(`${name}@${version}`)
  const text = await readFile(GoMod, 'utf8')
  const parts = [...text.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging\//gm)].map(
    ([, part]) => `replace ${part} => ${part} ${PARTS}`,
  )
  const module = await mkdtemp(join(tmpdir(), 'kedge-kubernetes-'))
  try {
    const [, go = ''] = /^go (\S+)/m.exec(text) ?? []
    await writeFile(
      join(module, 'go.mod'),
      ['module lab', `go ${go}`, `require ${name} ${version}`, ...parts, ''].join('\n'),
    )
    const out = join(folder, 'kube-apiserver')
    // Else it would say that it has no version, and Helm that it is too old.
    const versions = `-X k8s.io/component-base/version.gitVersion=${version}`
    const flags = ['-trimpath', '-ldflags', `-s -w ${versions}`]
    await run('go', ['build', ...flags, '-o', out, `${name}/cmd/kube-apiserver`], { cwd: module, env })
  } finally {
    await rm(module, { recursive: true, force: true })
  }
}

/** Looks into the folder, if there is one, and then on `PATH`. @throws Error where it is in neither */
export function programIn(bin: string, name: string): string {
  const found = [...(bin === '' ? [] : [bin]), ...(process.env['PATH'] ?? '').split(delimiter)]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))
  if (found === undefined)
    throw new Error(`${name} is not here: the head of check-on-apiserver.ts says how it is had`)
  return found
}
