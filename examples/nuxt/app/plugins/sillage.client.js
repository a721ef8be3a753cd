import { init } from '@sillage/tracker';
import { actions } from '@sillage/tracker/actions';

export default defineNuxtPlugin(() => {
  init({ site: 'nuxt.example' });
  actions();
});
