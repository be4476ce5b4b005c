/**
 * Variables that replace what a program trusts: they get a file with everything it trusted before and our CA. Beyond
 * those of FP-26 stand the ones that would win over them where a machine has them set.
 */
export const BUNDLE_VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'CARGO_HTTP_CAINFO',
  'AWS_CA_BUNDLE',
  'PERL_LWP_SSL_CA_FILE',
  'npm_config_cafile',
  'PIP_CERT',
  'HTTPLIB2_CA_CERTS',
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
  'CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE',
  'NIX_SSL_CERT_FILE',
] as const

/** Variables that add to what a program trusts: they get our CA, behind what they added already. */
export const ADDED_VARIABLES = ['NODE_EXTRA_CA_CERTS', 'DENO_CERT'] as const
