export default defineNuxtConfig({
  compatibilityDate: '2025-07-15',
  telemetry: false,
  app: { head: { title: 'Boats', htmlAttrs: { lang: 'en' }, link: [{ rel: 'icon', href: 'data:,' }] } },
});
