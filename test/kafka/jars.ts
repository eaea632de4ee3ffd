/** Apache Kafka itself, from Maven Central: fetched once, kept beside the modules. @module */
import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** What tests run on, where they do not say otherwise. */
export const VERSION = '4.3.1'
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/kedge-kafka', import.meta.url))
const jarsOf = (version: string) => join(CACHE, `jars-${version}`)
const POM = fileURLToPath(new URL('pom.xml', import.meta.url))
const CLUSTER_ID = '4L6g3nShT-eMCtK--X86sw'

/** Small and quick to start: a broker for tests serves few. */
export const jvmOf = (version: string): readonly string[] => [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-cp',
  join(jarsOf(version), '*'),
]

/** {@link jvmOf} what tests run on. */
export const JVM: readonly string[] = jvmOf(VERSION)

let missing: { readonly reason: string | undefined } | undefined

/** Why no broker can be started here; `undefined` when one can. Kafka 4 needs Java 17. */
export function kafkaAvailable(): string | undefined {
  missing ??= { reason: look() }
  return missing.reason
}

function look(): string | undefined {
  const { stderr, status } = spawnSync('java', ['-version'], { encoding: 'utf8' })
  if (status !== 0) return 'Java is not here (17 or newer is needed)'
  const version = Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0)
  if (version < 17) return `Java ${version} is too old (17 or newer is needed)`
  if (existsSync(jarsOf(VERSION))) return undefined
  if (spawnSync('mvn', ['-v']).status !== 0) return 'Maven is not here (it fetches Apache Kafka)'
  return undefined
}

/**
 * Fetches what is not there yet. Test files run in processes of their own: each builds beside, and the first to move
 * its folder into place wins.
 */
export async function fetchJars(version = VERSION): Promise<void> {
  await once(jarsOf(version), async (folder) => {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
    const where = [`-DoutputDirectory=${folder}`, '-DincludeScope=runtime', `-Dkafka=${version}`]
    await run('mvn', ['-q', '-B', '-f', POM, goal, ...where])
  })
}

/**
 * The command lines of Apache Kafka, such as `kafka-acls.sh`: the arguments of `java` before the class that the script
 * runs.
 */
export async function kafkaTools(): Promise<readonly string[]> {
  const tools = join(CACHE, `tools-${VERSION}`)
  await fetchJars()
  await once(tools, async (folder) => {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'
    const where = [`-DoutputDirectory=${folder}`, `-Dartifact=org.apache.kafka:kafka-tools:${VERSION}`]
    await run('mvn', ['-q', '-B', goal, ...where])
  })
  return [
    '-Xmx128m',
    '-XX:TieredStopAtLevel=1',
    '-cp',
    [tools, jarsOf(VERSION)].map((each) => join(each, '*')).join(delimiter),
  ]
}

/**
 * Lays a formatted, empty log folder of the node at `folder`. Formatting takes a second of Java, so it is done once
 * and copied; whose it is is written into the copy.
 */
export async function formatInto(folder: string, node = 1, version = VERSION): Promise<void> {
  const formatted = join(CACHE, `formatted-${version}`)
  await once(formatted, async (made) => {
    const properties = join(CACHE, `format-${process.pid}.properties`)
    await writeFile(
      properties,
      [
        'process.roles=broker,controller',
        'node.id=1',
        'controller.quorum.voters=1@127.0.0.1:1',
        'controller.listener.names=CONTROLLER',
        'listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1',
        'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        `log.dirs=${made}`,
      ].join('\n'),
    )
    const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties]
    await run('java', [...jvmOf(version), ...tool])
    await rm(properties)
  })
  await cp(formatted, folder, { recursive: true })
  const file = join(folder, 'meta.properties')
  const meta = (await readFile(file, 'utf8'))
    .replace(/^node\.id=.*$/m, `node.id=${node}`)
    .replace(/^directory\.id=.*$/m, `directory.id=${randomBytes(16).toString('base64url')}`)
  await writeFile(file, meta)
}

async function once(target: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return
  await mkdir(CACHE, { recursive: true })
  const folder = await mkdtemp(`${target}-`)
  try {
    await make(folder)
    await rename(folder, target)
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    if (!existsSync(target)) throw error
  }
}
