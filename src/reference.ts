import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { openapiDocument } from './admin/openapi.js'
import { packageRoot } from './config/package-root.js'
import { configPage, faultsPage } from './config/reference-page.js'
import { fileSchema } from './config/schema.js'

/** The generated files, by their path in the package. */
export function generate(): ReadonlyMap<string, string> {
  const example = readFileSync(new URL('config/example.yaml', packageRoot()), 'utf8')
  return new Map([
    ['config/schema.json', `${JSON.stringify(jsonSchema(), undefined, 2)}\n`],
    ['config/openapi.json', `${JSON.stringify(openapiDocument(), undefined, 2)}\n`],
    ['docs/config-reference.md', configPage(example)],
    ['docs/faults.md', faultsPage()],
  ])
}

/** JSON Schema (draft 2020-12) of the file as it is written: before defaults and units. */
export function jsonSchema(): object {
  return z.toJSONSchema(fileSchema, {
    io: 'input',
    override: ({ jsonSchema: node }) => {
      // A preset may bring what a route must have; only the loader can tell, so an editor must not complain.
      if (node.properties !== undefined && Object.hasOwn(node.properties, 'preset')) delete node.required
    },
  })
}

/** Which generated files differ from what the sources say. */
export function staleFiles(): string[] {
  return [...generate()].filter(([path, text]) => contentOf(path) !== text).map(([path]) => path)
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(new URL(path, packageRoot()), 'utf8')
  } catch {
    return undefined
  }
}

function run(check: boolean): number {
  const stale = staleFiles()
  if (check) {
    for (const path of stale) console.error(`${path} is stale: run \`npm run reference\``)
    return stale.length === 0 ? 0 : 1
  }
  mkdirSync(new URL('docs/', packageRoot()), { recursive: true })
  for (const [path, text] of generate()) writeFileSync(new URL(path, packageRoot()), text)
  return 0
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = run(process.argv.includes('--check'))
