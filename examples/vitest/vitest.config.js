import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.js'],
    globalSetup: './global-setup.js',
    maxWorkers: 1,
    tags: [{ name: 'smoke', description: 'the few that must pass first' }],
  },
});
