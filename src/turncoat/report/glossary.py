"""Texts that stand in every report: what the verdicts and the terms mean, and what a page begins with."""

SEVERITIES = {
    "broken": "one corrupt party reaches its goal, and a check of accuracy would probably miss it",
    "noticeable": "one corrupt party reaches its goal, and a check of accuracy may notice",
    "exposed": "no attack reached its goal, but outputs can be moved by numbers of a party's choice",
    "unknown": "nothing was found, which proves nothing",
    "protected": "every site is checked, and no attack reached its goal",
}

TERMS = {
    "Party": "one of the computers that train the model together, each holding only secret shares.",
    "Honest and corrupt": "an honest party follows the protocol; a corrupt one does not, and tells nobody.",
    "Passive security": "protects the data as long as every party follows the protocol; nothing checks that "
    "they do. Active security checks, and aborts when a party cheats.",
    "Check": "a proof, at the end of a step, that what a party sent at a site was right; if it fails, the honest "
    "parties abort, and nothing is opened.",
    "Deterrence": "the least probability with which any deviation is found, whichever site it is at: 0 as soon as "
    "one site is never checked.",
    "Site": "a place in the training computation where the parties must interact, so that one of them can "
    "change the result: each product or comparison of secrets.",
    "Additive error": "what a corrupt party can add to the result at a site, without seeing the result.",
    "Attack success rate (ASR)": "the share of tries in which the trained model does what the corrupt party "
    "wanted. The same share is measured on the honest model, for comparison.",
    "TPR and FPR": "of a test for membership, the share of members that it finds (true positive rate), and of "
    "non-members that it takes for members (false positive rate).",
    "Confidence interval": "the range that holds the true value, in 95 of 100 such experiments when the "
    "confidence is 95%: for other models trained like these and, where it is two-level, other records too. A "
    "narrow range means that more trials would change little.",
    "Check of accuracy": "a test of the released model's accuracy against that expected of honest training, each on "
    "as many records as the test set has, with 5 false alarms in 100 cases unless the job file says otherwise. A "
    "paired check compares it, record by record, with an honest model from the same seed, which hardly anybody has.",
    "Ruined": "a model with NaN or infinity in it, which classifies nothing. It is no success, but for an attack "
    "that wants the model to be of no use.",
    "Trial": "one honest and one attacked training run from the same seed, so from the same initial "
    "weights and through the same batches.",
    "Stand-in": "synthetic data in the place of a data set that could not be had. Numbers on it show that an "
    "attack works, and cannot be compared with numbers on the real data.",
}

EXPOSURES = {
    "shifts": "adds a number of the party's choice, whatever the data",
    "shifts jointly": "the same, but all entries move together",
    "scales w by x": "adds to w the party's number times a secret that depends on x alone",
    "bends": "changes it in a way that depends on secrets",
}

IN_ONE_PASS = "(last pass): in a loop, by an error in that pass alone"

STAND_IN_WARNING = (
    "Data marked as a synthetic stand-in take the place of data that could not be had; numbers on them do "
    "not compare with the paper's."
)

INTRODUCTION = (
    "Several parties train one model on data that none of them may see, by secure multiparty computation. "
    "Turncoat measures what a single party that cheats could do to such a training job."
)

FUNCTION = (
    "Several parties compute on data that none of them may see, by secure multiparty computation. Turncoat says "
    "what a single party that cheats could do to the result."
)

INTERVALS = (
    "Every interval holds the true value in 95 of 100 such experiments, as far as simulation could tell. What "
    "differs is what an interval speaks about: one over trials speaks of other models trained in the same way; a "
    "two-level one speaks of other records as well; one of a single binomial counts tries that are independent."
)
