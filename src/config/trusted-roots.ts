import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'

/** The platform's roots and those of `egress.ca_file`, PEM; `undefined` without a file: the platform's alone. @throws what reading the file gives */
export const trustedRoots = async (caFile: string | undefined): Promise<readonly string[] | undefined> =>
  caFile === undefined ? undefined : [...rootCertificates, await readFile(caFile, 'utf8')]
