import { init } from '@sillage/tracker';
import { actions } from '@sillage/tracker/actions';

init({ site: 'sveltekit.example' });
actions();
