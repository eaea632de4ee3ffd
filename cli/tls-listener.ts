/** The certificate with which the gateway and the sidecar serve TLS. @module */
import { resolve } from 'node:path'
import type { TlsOptions } from '../services/gateway/tls-files.ts'
import { UsageError } from './failure.ts'
import type { ResolvedSettings } from './resolved-settings.ts'
import type { TlsSettings } from './settings/tls.ts'

/** The flags in place of the names of options in an error about one of the files. */
const FLAGS = {
  '`tls.clientCa`': '--client-ca',
  '`tls.cert`': '--certificate',
  '`tls.key`': '--certificate-key',
} as const

/** An error about the files of {@link tlsListener} in the terms of the command line; every other one as it is. */
export function asTlsUsage(error: unknown): unknown {
  if (!(error instanceof TypeError)) return error
  const message = Object.entries(FLAGS).reduce((text, [of, flag]) => text.replaceAll(of, flag), error.message)
  return new UsageError(message, { cause: error.cause ?? error })
}

/** `undefined` without TLS. @throws UsageError where a part of it is missing. */
export function tlsListener(
  values: ResolvedSettings,
  { certificate, certificateKey, clientCa }: TlsSettings,
  folder: string,
): TlsOptions | undefined {
  const [cert, key, ca] = [certificate, certificateKey, clientCa].map((file) => {
    const path = values.get(file)
    return path === undefined ? undefined : resolve(folder, path)
  })
  if (cert !== undefined && key !== undefined) return { cert, key, ...(ca !== undefined && { clientCa: ca }) }
  if (cert === undefined && key === undefined && ca === undefined) return undefined
  throw new UsageError('--certificate and --certificate-key go together, and --client-ca needs both')
}
