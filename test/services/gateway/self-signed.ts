/** Certificates for the loopback that signed themselves, made by OpenSSL. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface SelfSigned {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
  /** The certificate itself: that of its own authority. */
  readonly ca: string
}

export async function selfSigned(folder: string, name: string): Promise<SelfSigned> {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  await run('openssl', ['req', '-x509', ...kind, ...names, '-keyout', key, '-out', cert])
  return { cert, key, ca: await readFile(cert, 'utf8') }
}
