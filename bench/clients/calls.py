"""How a client's step is called where the client itself does it with data or packages that are not here.

Each is run in the client's own module or notebook, with `np`, `jax`, `jnp`, `rng` (NumPy's) and `key` at hand,
and with `spu` where the client gives functions to SPU.
"""

MATRIX = "x = rng.random((64, 8)).astype(np.float32); y = (x.sum(1) > 4).astype(np.float32)\n"
PICTURES = "x = rng.random((4, 28, 28, 1)).astype(np.float32); y = rng.integers(0, 10, 4).astype(np.int32)\n"
WORDS = "tokens = rng.integers(1, 13, (2, 8)).astype(np.int32)\n"
SMALL = (
    "sizes = dict(emb_dim=16, num_heads=2, num_layers=1, qkv_dim=16, mlp_dim=16, max_len=8)\n"
    "from flax.training import train_state\nimport optax, functools\n"
)

SPU = {
    "ml/ss_lr/ss_lr": MATRIX
    + (
        "fitted = SSLR(spu); w = fitted.fit([x[:, :4], x[:, 4:]], y, 1, 0.1, 16, 'logistic', 'l2', 0.1)\n"
        "fitted.predict([x[:, :4], x[:, 4:]], y, w, 'logistic')"
    ),
    "ml/ss_xgb/ss_xgb": MATRIX
    + (
        "maps = (rng.random((64, 12)) > 0.5); y = y.reshape(1, -1)\n"
        "context = spu(spu_global_setup)([maps[:, :6], maps[:, 6:]], y)\n"
        "pred = spu(init_pred, static_argnums=(0, 1))(0, 64)\n"
        "context = spu(spu_tree_setup)(context, pred)\n"
        "nodes = (spu(root_select, static_argnums=(0,))(64),)\n"
        "split, context = spu(find_best_split_bucket, static_argnums=(2,))(context, list(nodes), False)\n"
        "nodes = spu(get_child_select)(nodes, [(rng.random((1, 64)) > 0.5).astype(np.int8)])\n"
        "weight = spu(do_leaf)(context, nodes)\n"
        "selects = [(rng.random((64, 2)) > 0.5).astype(np.int8) for _ in range(2)]\n"
        "spu(predict_tree_weight)(selects, weight)\nspu(sigmoid)(pred)"
    ),
    "ml/jax_lr/jax_lr": MATRIX
    + (
        "for auto in (False, True):\n"
        "  name = 'fit_auto_grad' if auto else 'fit_manual_grad'\n"
        "  train = lambda x, y: getattr(LogitRegression(), name)(x, y, False)\n"
        "  train.__name__ = f'fit_{auto}'\n"
        "  spu(train)(rng.random((100, 8)).astype(np.float32), y[np.arange(100) % 64])"
    ),
    "ml/stax_nn/stax_nn": (
        "for name, shape, opt in (('secureml', (28, 28, 1), 'sgd'), ('minionn', (28, 28, 1), 'adam'),\n"
        "                    ('lenet', (28, 28, 1), 'amsgrad'), ('chameleon', (28, 28, 1), 'sgd'),\n"
        "                    ('alexnet', (32, 32, 3), 'sgd')):\n"
        "  init, predict = getattr(models, name)(); report.test = name\n"
        "  x = rng.random((4, *shape)).astype(np.float32)\n"
        "  train(x, jax.nn.one_hot(np.arange(4), 10), init, predict, 1, 4, True, opt)"
    ),
    "ml/flax_vae/flax_vae": (
        "x = (rng.random((4, 784)) > 0.5).astype(np.float32); eps = rng.normal(size=(4, 20)).astype(np.float32)\n"
        "state = train_state.TrainState.create(apply_fn=spu_model().apply, tx=optax.adam(1e-3),\n"
        "                                      params=spu_model().init(key, x, eps)['params'])\n"
        "spu(train_step_spu)(state, x, eps)"
    ),
    "ml/flax_resnet/flax_resnet_training": (
        "import functools\nresnet = functools.partial(ResNet18, num_filters=4)(num_classes=10)\n"
        "state = create_train_state(key, resnet, 32)\n"
        "spu(train_step)(state, rng.random((2, 32, 32, 3)).astype(np.float32), np.array([1, 2]))"
    ),
    "ml/stax_mnist_classifier/stax_mnist_classifier": (
        "x = rng.random((4, 28, 28, 1)).astype(np.float32); _, params = init_random_params(key, (-1, 28, 28, 1))\n"
        "spu(update)(0, opt_init(params), (x, jax.nn.one_hot(np.arange(4), 10)))"
    ),
    "ml/haiku_lstm/haiku_lstm": "train_on_spu(num_steps=1)",
    "ml/jax_svm/jax_svm": "run_on_spu(n_epochs=1)",
    "ml/jax_kmeans/jax_kmeans": "run_on_spu()",
    "ml/flax_mlp/flax_mlp": "run_on_spu()",
    "ml/jraph_gnn/jraph_gnn": "optimize_club_on_spu()",
    "stats/pvalue": "run_spu()",
    "stats/woe": "run_spu()",
    "stats/corr": "run_spu()",
    "millionaire": "",
    "utils/appr_sigmoid": (
        "x = rng.normal(size=9).astype(np.float32)\n"
        "for f in (t1_sig, t3_sig, t5_sig, seg3_sig, df_sig, sr_sig): spu(f)(x)"
    ),
}

FLAX = {
    "mnist/train": PICTURES + (
        "model = CNN(nnx.Rngs(0)); optimizer = nnx.Optimizer(model, optax.sgd(0.1, 0.9), wrt=nnx.Param)\n"
        "metrics = nnx.MultiMetric(accuracy=nnx.metrics.Accuracy(), loss=nnx.metrics.Average('loss'))\n"
        "train_step(model, optimizer, metrics, {'image': x, 'label': y}, nnx.Rngs(1))\n"
        "model.eval(); eval_step(model, metrics, {'image': x, 'label': y})"
    ),
    "vae/train": (
        "from flax.training import train_state\nimport optax\nx = rng.random((4, 784)).astype(np.float32)\n"
        "state = train_state.TrainState.create(apply_fn=None, tx=optax.adam(1e-3),\n"
        "    params=models.model(20).init(key, x, key)['params'])\n"
        "jax.jit(train_step, static_argnames='latents')(state, x, key, latents=20)\n"
        "jax.jit(eval_f, static_argnames='latents')(state.params, x, rng.random((2, 20)).astype(np.float32), key,\n"
        "                                            latents=20)"
    ),
    "lm1b/train": WORDS + SMALL + (
        "config = models.TransformerConfig(vocab_size=13, output_vocab_size=13, **sizes)\n"
        "params = models.TransformerLM(config.replace(deterministic=True)).init(key, tokens)['params']\n"
        "state = train_state.TrainState.create(apply_fn=None, params=params, tx=optax.adamw(1e-3))\n"
        "step = functools.partial(train_step, config=config, learning_rate_fn=optax.constant_schedule(1e-3))\n"
        "jax.jit(lambda s, b, k: step(s, b, dropout_rng=k))(state, {'inputs': tokens}, key)\n"
        "f = lambda p, b: eval_step(p, b, config.replace(deterministic=True)); f.__name__ = 'eval_step'\n"
        "jax.jit(f)(params, {'inputs': tokens})"
    ),
    "wmt/train": WORDS + SMALL + (
        "config = models.TransformerConfig(vocab_size=13, output_vocab_size=13, **sizes)\n"
        "params = models.Transformer(config.replace(deterministic=True)).init(key, tokens, tokens)['params']\n"
        "state = TrainState.create(apply_fn=None, params=params, tx=optax.adamw(1e-3), dynamic_scale=None)\n"
        "step = functools.partial(train_step, config=config, learning_rate_fn=optax.constant_schedule(1e-3))\n"
        "f = lambda s, b, k: step(s, b, dropout_rng=k); f.__name__ = 'train_step'\n"
        "batch = {'inputs': tokens[None], 'targets': tokens[None]}\n"
        "jax.jit(jax.vmap(f, (None, 0, None), axis_name='batch'))(state, batch, key)"
    ),
    "nlp_seq/train": WORDS + SMALL + (
        "config = models.TransformerConfig(vocab_size=13, output_vocab_size=13, **sizes)\n"
        "model = models.Transformer(config); params = model.init(key, inputs=tokens, train=False)['params']\n"
        "state = train_state.TrainState.create(apply_fn=None, params=params, tx=optax.adamw(1e-3))\n"
        "f = lambda s, b, k: train_step(s, b, model, optax.constant_schedule(1e-3), dropout_rng=k)\n"
        "f.__name__ = 'train_step'\n"
        "jax.jit(jax.vmap(f, (None, 0, None), axis_name='batch'))(\n"
        "    state, {'inputs': tokens[None], 'targets': tokens[None]}, key)"
    ),
    "imagenet/train": (
        "import optax, functools, models\n"
        "x = rng.random((1, 2, 32, 32, 3)).astype(np.float32); y = np.array([[1, 2]])\n"
        "model = models._ResNet1(num_classes=1000, dtype=jnp.float32)\n"
        "params, stats = initialized(key, 32, model)\n"
        "state = TrainState.create(apply_fn=model.apply, params=params, tx=optax.sgd(0.1, 0.9, nesterov=True),\n"
        "                          batch_stats=stats, dynamic_scale=None)\n"
        "f = functools.partial(train_step, learning_rate_fn=optax.constant_schedule(0.1))\n"
        "jax.jit(jax.vmap(f, (None, 0), axis_name='batch'))(state, {'image': x, 'label': y})\n"
        "jax.jit(jax.vmap(eval_step, (None, 0), axis_name='batch'))(state, {'image': x, 'label': y})"
    ),
    "ppo/ppo_lib": (
        "import models\nfrom flax.training import train_state\nimport optax\n"
        "model = models.ActorCritic(num_outputs=4)\n"
        "x = rng.random((4, 84, 84, 4)).astype(np.float32); n = rng.normal(size=(3, 4)).astype(np.float32)\n"
        "state = train_state.TrainState.create(apply_fn=model.apply, tx=optax.adam(1e-3),\n"
        "    params=model.init(key, x[:1])['params'])\n"
        "train_step(state, (x, rng.integers(0, 4, 4).astype(np.int32), *n), 2,\n"
        "           clip_param=0.1, vf_coeff=0.5, entropy_coeff=0.01)"
    ),
}  # fmt: skip

JAX = {
    "differentially_private_sgd": (
        "x = rng.random((4, 28, 28, 1)).astype(np.float32); y = np.eye(10, dtype=np.float32)[:4]\n"
        "_, params = init_random_params(key, (-1, 28, 28, 1)); init, opt_update, get = optimizers.sgd(0.1)\n"
        "def private_update(k, i, state, batch):\n"
        "  return opt_update(i, private_grad(get(state), batch, k, 1.0, 1.1, 4), state)\n"
        "def update(i, state, batch): return opt_update(i, grad(loss)(get(state), batch), state)\n"
        "jax.jit(private_update)(key, 0, init(params), (x[:, None], y))\njax.jit(update)(0, init(params), (x, y))\n"
        "jax.jit(accuracy)(params, (x, y))"
    ),
    "mnist_classifier": (
        "x = rng.random((4, 784)).astype(np.float32); y = np.eye(10, dtype=np.float32)[:4]\n"
        "_, params = init_random_params(key, (-1, 784)); init, opt_update, get = optimizers.momentum(0.1, 0.9)\n"
        "def update(i, state, batch): return opt_update(i, grad(loss)(get(state), batch), state)\n"
        "jax.jit(update)(0, init(params), (x, y)); jax.jit(accuracy)(params, (x, y))"
    ),
    "mnist_classifier_fromscratch": (
        "x = rng.random((4, 784)).astype(np.float32); y = np.eye(10, dtype=np.float32)[:4]\n"
        "params = init_random_params(0.1, [784, 16, 10])\n"
        "def update(params, batch): return [(w - 0.1 * dw, b - 0.1 * db) for (w, b), (dw, db) in\n"
        "                                   zip(params, grad(loss)(params, batch))]\n"
        "jax.jit(update)(params, (x, y)); jax.jit(accuracy)(params, (x, y))"
    ),
    "spmd_mnist_classifier_fromscratch": (
        "x = rng.random((4, 784)).astype(np.float32); y = np.eye(10, dtype=np.float32)[:4]\n"
        "train_step(init_random_params(0.1, [784, 16, 10]), (x, y))\n"
        "accuracy(init_random_params(0.1, [784, 16, 10]), (x, y))"
    ),
    "mnist_vae": (
        "x = (rng.random((4, 784)) > 0.5).astype(np.float32); a, b = jax.random.split(key)\n"
        "params = encoder_init(a, (4, 784))[1], decoder_init(b, (4, 10))[1]\n"
        "init, opt_update, get = optimizers.momentum(0.01, mass=0.9)\n"
        "def update(i, k, state, batch):\n"
        "  return opt_update(i, grad(lambda p: -elbo(k, p, batch) / 4)(get(state)), state)\n"
        "jax.jit(update)(0, key, init(params), x)"
    ),
    "advi": (
        "objective = lambda p, k: -batch_elbo(funnel_log_density, k, p, 8); objective.__name__ = 'objective'\n"
        "p = (jnp.zeros(2), jnp.zeros(2)); jax.jit(objective)(p, key)\n"
        "f = grad(objective); f.__name__ = 'gradient'; jax.jit(f)(p, key)"
    ),
}

PRIVACY = {
    "jax_api_example": "main(None)",
    "dp_logistic_regression": "main(None)",
    "dp_sgd_transformer": (
        "load_text_data = lambda n: (jnp.asarray(rng.integers(0, 13, (64, 9))), 13, {}, {})\n"
        "import jax_privacy\nparams = init_model_params(key, vocab_size=13, max_len=8)\n"
        "f = jax_privacy.clipped_grad(loss_fn, l2_clip_norm=1.0, batch_argnums=(1, 2))\n"
        "tokens = jnp.asarray(rng.integers(0, 13, (4, 9)))\n"
        "def dp_gradient(p, x, y): return f(p, x, y)\n"
        "jax.jit(dp_gradient)(params, tokens[:, :-1], tokens[:, 1:])"
    ),
}

NOTEBOOKS = {
    "optax/flax_example": (
        "graph, state = nnx.split(model)\n"
        "def step(state, opt_state, x, y):\n"
        "  v, g = jax.value_and_grad(lambda s: make_mse_func(x, y)(nnx.merge(graph, s)))(state)\n"
        "  u, opt_state = tx.update(g, opt_state, state); return optax.apply_updates(state, u), opt_state, v\n"
        "jax.jit(step)(state, tx.init(state), x_samples, y_samples)"
    ),
    "optax/lbfgs": (
        "def sq(w): return 0.5 * jnp.sum((w - 1) ** 2) + jnp.sum(jnp.abs(w)) * 0.1\n"
        "def stepped(opt, name):\n"
        "  def step(w, state):\n"
        "    v, g = jax.value_and_grad(sq)(w)\n"
        "    u, state = opt.update(g, state, w, value=v, grad=g, value_fn=sq)\n"
        "    return optax.apply_updates(w, u), state\n"
        "  step.__name__ = name; w = jnp.linspace(-1., 2., 8); jax.jit(step)(w, opt.init(w))\n"
        "stepped(optax.with_extra_args_support(optax.scale_by_lbfgs()), 'scale_by_lbfgs')\n"
        "stepped(optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15)), 'backtracking')\n"
        "stepped(optax.lbfgs(), 'lbfgs')"
    ),
    "optax/ogda_example": (
        "def once(optimizer, name):\n"
        "  g = lambda s: update(optimizer, s, None); g.__name__ = name; p = jnp.array([1., 1.])\n"
        "  jax.jit(g)((p, optimizer.init(p)))\n"
        "once(optax.optimistic_gradient_descent(0.1), 'ogd'); once(optax.optimistic_adam(0.05, 0.5), 'oadam')"
    ),
    "optax/perturbations": (
        "def simplex(v, r): return jax.grad(loss_simplex)(v, r)\n"
        "jax.jit(simplex)(values, jax.random.key(1))\njax.jit(ranking)(values)"
    ),
    "optax/linear_assignment_problem": "jax.jit(optax.assignment.hungarian_algorithm)(costs)",
}

ALIASES = (
    "adabelief", "adadelta", "adan", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "amsgrad",
    "fromage",
    "lamb", "lars", "lion", "nadam", "nadamw", "noisy_sgd", "novograd", "optimistic_adam", "polyak_sgd", "radam",
    "rmsprop", "rprop", "sgd", "sign_sgd", "sm3", "yogi",
)  # fmt: skip
CONTRIB = (
    "acprop", "ademamix", "adopt", "cocob", "dadapt_adamw", "dog", "galore_adamw", "momo", "momo_adam", "muon",
    "prodigy", "schedule_free_sgd", "schedule_free_adamw", "sophia", "simplified_ademamix", "mechanize", "sam",
)  # fmt: skip
OPTIMIZER = """
import optax, optax.contrib
x = rng.normal(size=(8, 4)).astype(np.float32); y = np.sign(x.sum(1)).astype(np.float32)
params = {'w': rng.normal(size=(4, 3)).astype(np.float32), 'v': rng.normal(size=(3,)).astype(np.float32)}
def loss(p, x, y): return jnp.mean((jnp.tanh(x @ p['w']) @ p['v'] - y) ** 2)
SPECIAL = {
    'noisy_sgd': lambda: optax.noisy_sgd(0.1, key=key), 'mechanize': lambda: optax.contrib.mechanize(optax.sgd(0.1)),
    'sam': lambda: optax.contrib.sam(optax.sgd(0.1), optax.sgd(0.05), sync_period=2),
    'cocob': lambda: optax.contrib.cocob(), 'schedule_free_sgd': lambda: optax.contrib.schedule_free_sgd(0.1),
    'schedule_free_adamw': lambda: optax.contrib.schedule_free_adamw(0.1),
    'polyak_sgd': lambda: optax.polyak_sgd(), 'dog': lambda: optax.contrib.dog(0.1),
    'galore_adamw': lambda: optax.contrib.galore(0.1, rank=2),
}
def stepped(name, tx):
    tx = optax.with_extra_args_support(tx)
    def step(p, state, x, y):
        v, g = jax.value_and_grad(loss)(p, x, y)
        u, state = tx.update(g, state, p, value=v, loss=v, grad=g, value_fn=lambda q: loss(q, x, y))
        return optax.apply_updates(p, u), state, v
    step.__name__ = name
    state = tx.init(params)
    p, state, _ = raw(step)(params, state, x, y)
    jax.jit(step)(p, state, x, y)
for name in NAMES:
    try:
        make = SPECIAL.get(name) or (lambda: getattr(optax, name, None) or getattr(optax.contrib, name))
        tx = make() if name in SPECIAL else make()(0.01)
        stepped(name, tx)
    except Exception as error:
        print(name, type(error).__name__, error)
"""
