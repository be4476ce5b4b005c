import { execFileSync } from 'node:child_process'
import { bareEnv } from './probe.js'

export type Repository = { readonly path: string; readonly commit: string }

/** A bare Git repository with one commit, ready for a plain file server; an empty place where there is no Git. */
export function makeRepository(path: string): Repository {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@example.com']
  const git = (...args: string[]) =>
    execFileSync('git', [...who, ...args], { env: bareEnv('/'), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    git('init', '-q', '--bare', path)
    const tree = git('-C', path, 'hash-object', '-t', 'tree', '-w', '/dev/null').trim()
    const commit = git('-C', path, 'commit-tree', '-m', 'first', tree).trim()
    git('-C', path, 'update-ref', 'HEAD', commit)
    git('-C', path, 'update-server-info')
    return { path, commit }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, commit: '' }
    throw error
  }
}
