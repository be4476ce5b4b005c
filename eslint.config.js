// A lost promise kills a daemon: these two type-aware rules catch the ones Biome misses.
import tseslint from 'typescript-eslint'

export default [
  {
    files: ['src/**/*.{ts,cts}', 'bench/**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
]
