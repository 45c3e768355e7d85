/** The architecture's rules: see "Layout" in CONTRIBUTING.md. */
module.exports = {
  forbidden: [
    {
      name: 'services-never-import-each-other',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-know-nothing-of-testbed-and-cli',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^(testbed|cli)/' },
    },
    {
      name: 'libraries-import-no-service',
      severity: 'error',
      from: { path: '^libraries/' },
      to: { path: '^(services|testbed|cli)/' },
    },
    {
      name: 'cli-and-testbed-talk-to-services-by-grpc',
      severity: 'error',
      from: { path: '^(testbed|cli)/' },
      to: { path: '^services/' },
    },
    {
      name: 'grafana-knows-services-by-their-metrics-only',
      severity: 'error',
      from: { path: '^grafana/' },
      to: { path: '^(services|testbed|cli)/' },
    },
    {
      name: 'only-libc-and-openssl-call-koffi',
      severity: 'error',
      from: { pathNot: '^libraries/(libc|openssl)/' },
      to: { path: 'node_modules/(koffi|@koromix)' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'build'] },
    exclude: { path: '(^build/|/generated/)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
};
