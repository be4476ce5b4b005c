import type { CellName } from './vendor.js'

/** A client that is here, ready to be run. */
export type Ready = {
  /** The program and its first words; API, ELSEWHERE, FILE and the cells follow. */
  readonly command: readonly string[]
  /** What exactly it is: `curl 7.88.1`. */
  readonly version: string
}

/** One row of the matrix. */
export type Client = {
  readonly name: string
  /** @param folder for what it compiles @throws Missing */
  readonly prepare: (folder: string) => Promise<Ready>
  /** Where its API is; its own default for an SDK. */
  readonly api: string
  /** What it cannot be put through, whatever the proxy does. */
  readonly without: readonly CellName[]
  /** The body of its upload is the file and nothing around it. */
  readonly sendsFile: boolean
  /** Options of `run` that it cannot do without. */
  readonly runOptions: readonly string[]
  /** Those of `run`'s variables that are enough for it. */
  readonly needs: readonly string[]
}

/** The program, or a part of it, is not on this machine. */
export class Missing extends Error {
  override readonly name = 'Missing'
}
