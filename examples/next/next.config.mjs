import { fileURLToPath } from 'node:url';

export default {
  reactStrictMode: true,
  // The package beside this folder is a link; a site that installs it from a registry needs neither line.
  outputFileTracingRoot: fileURLToPath(new URL('../../', import.meta.url)),
  eslint: { ignoreDuringBuilds: true },
};
