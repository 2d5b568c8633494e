import { fake } from '../../../libs/fakes/src/index';
fake();
