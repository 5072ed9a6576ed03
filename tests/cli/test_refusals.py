"""Bad command lines: one sentence on standard error, exit code 2, nothing printed and nothing written."""

import shlex

import pytest

from cli.conftest import turncoat, written

LONG = "a" * 5000
BAD = """
attack | name an attack
attack backdor | nearest are 'backdoor'
attack '' | no attack ''
attack LONG | no attack
attack backdoor targeted | package.module:name
attack backdoor --nope | No such option
attack backdoor --data | requires an argument
attack backdoor --trials | requires an argument
nope | No such command
LONG | No such command
NUL | not text
SURROGATE | not text
attack NUL | not text
attack backdoor --data NUL | not text
attack backdoor --data SURROGATE | not text
attack backdoor --set a=NUL | not text
attack backdoor --out NUL | not text

attack backdoor --data digitz | no data set 'digitz'
attack backdoor --data '' | no data set
attack backdoor --data . | no data set
attack backdoor --data / | no data set
attack backdoor --data LONG | no data set
attack backdoor --data LONG.npz | too long
attack backdoor --data LONG.csv | too long
attack backdoor --data nowhere.csv | nowhere.csv cannot be read
attack backdoor --data nowhere.npz | nowhere.npz
attack backdoor --data garbage.npz | garbage.npz
attack backdoor --data empty.csv | holds no records
attack backdoor --data folder.npz | folder.npz
attack backdoor --data purchase100 | turncoat data fetch purchase100
attack backdoor --data nan.npz | is nan
attack backdoor --data one.npz | at least two classes
attack backdoor --data labels.npz | not a whole number
attack backdoor --data churn.csv | --label COLUMN; those with few different values are 'churn'
attack backdoor --data churn.csv --label chrn | no column 'chrn' for --label; the nearest are 'churn'
attack backdoor --data churn.csv --label churn | with --drop name,
attack backdoor --data churn.csv --label name | too many for classes
attack backdoor --data churn.csv --label age | a target for regression
attack backdoor --data churn.csv --label '' | no column ''
attack backdoor --data churn.csv --scale big | scale must be 'standard', 'range' or 'none'
attack backdoor --data good.npz --label y | --label has no effect on good.npz
attack backdoor --label y | --label has no effect on the data set 'digits'
surface --drop a | --drop has no effect on the data set 'digits'
audit --public x | --public has no effect without a step of your own
surface --public x | --public has no effect without a step of your own
audit mystep:step --public nope | --public names 'nope', which is no argument of mystep:step
audit mystep:step --contributor a | --contributor has no effect on your own step
attack backdoor --data few.npz | too few
audit --data nosuch | no data set
surface --data nosuch | no data set

attack backdoor --set strength | key=value
attack backdoor --set =1 | key=value
attack backdoor --set = | key=value
attack backdoor --set '' | key=value
attack backdoor --set strength=1 --set strength=2 | given twice
attack backdoor --set strength=1 --set strength=1 | given twice
attack backdoor --set strenght=1 | nearest are 'strength'
attack backdoor --set LONG=1 | no setting
attack backdoor --set strength=-1 | at least 0
attack backdoor --set strength=much | strength must be a number
attack backdoor --set strength= | strength must be a number
attack backdoor --set strength=nan | finite
attack backdoor --set strength=inf | finite
attack backdoor --set strength=1e999 | finite
attack backdoor --set rows=none | rows must be
attack backdoor --set rows=1 | rows must be
attack backdoor --set trigger=nope | trigger must be
attack backdoor --set source=0.5 | whole number
attack backdoor --set target=first | whole number
attack backdoor --set size=0 | size
attack backdoor --set trigger=patch --set size=-1 | size
attack backdoor --set trigger=blend --set blend=2 | blend
attack backdoor --set trigger=blend --set blend=-1 | blend
attack backdoor --set trigger=blend --set blend=nan | blend
attack membership --set strength=0 | other than 0
attack deposit --set prior=no | prior must be

attack backdoor --trials 0 | at least one trial
attack backdoor --trials -1 | at least one trial
attack backdoor --trials 99999999999999999999 | at most 100,000
attack backdoor --trials 1.5 | --trials
attack backdoor --trials many | --trials
attack backdoor --trials NINES | --trials
audit --trials 0 | at least one trial
audit --trials -7 | at least one trial
audit --trials 1000000000000 | at most 100,000
detect | give --errors, --alpha or both
detect --alpha 1.5 | from 0 to 1, not 1.5
detect --alpha often | --alpha takes a number such as 0.01 or 2^-40
detect --alpha 2^x | --alpha takes a number
detect --errors -1 --alpha 0.5 | 0 or more
detect --errors 0 | at least one error
detect --errors 3 --missing 0 | between 0 and 1
detect --alpha 0.5 --caught 1 | between 0 and 1
detect --errors 3 --alpha 0.5 --soundness 2 | soundness is a probability
attack backdoor --defence nope | no defence 'nope'
attack backdoor --defence sampled:alpha=2 | from 0 to 1
attack backdoor --defence checked:sites=nope | finds no such site
attack backdoor --defence loss:alpha=1 | no option 'alpha'
audit --defence nope | no defence 'nope'
defend --defence loss | --against names defences
defend --against nope | no defence 'nope'
defend --attack nope | no attack 'nope'
defend --trials 0 | at least one trial
defend --against checked:sites=nope --protocol exact | finds no such site
surface --defence matrices | has no effect
reproduce table3 --trials 0 | at least one trial
reproduce table3 --trials -1 | at least one trial
reproduce table3 --trials 1000000000000 | at most 100,000

attack backdoor --seed -1 | seed must be
attack backdoor --seed 18446744073709551616 | seed must be
attack backdoor --seed 9223372036854775807 | seed must be
attack backdoor --seed 4294967296 | seed must be
attack backdoor --seed 1e3 | --seed
attack backdoor --seed NINES | --seed
attack --list --seed -1 | seed must be
audit --seed -1 | seed must be
audit --seed 99999999999999999999999 | seed must be
surface --seed -1 | seed must be
surface --seed 99999999999999999999999 | seed must be
reproduce table1 --seed -1 | seed must be
reproduce table3 --seed 99999999999999999999999 | seed must be
data list --seed -1 | seed must be
data list --seed x | --seed
data verify --seed -1 | seed must be
data fetch digits --seed -1 | seed must be
audit faulty:good --seed -1 | seed must be

attack backdoor --epochs 0 | epochs must be
attack backdoor --epochs -1 | epochs must be
attack backdoor --epochs 99999999999999999999 | epochs must be
attack backdoor --epochs 1000000000 | epochs must be
attack backdoor --epochs ten | --epochs
audit --epochs 99999999999999999999 | epochs must be
surface --epochs 99999999999999999999 | epochs must be
attack backdoor --batch 0 | batch must be
attack backdoor --batch -5 | batch must be
attack backdoor --batch 99999999999999999999 | choose a smaller batch
attack backdoor --batch 1000 | choose a smaller batch
surface --batch 99999999999999999999 | choose a smaller batch
audit --batch 2147483648 | choose a smaller batch
attack backdoor --learning-rate 0 | learning_rate must be
attack backdoor --learning-rate -0.1 | learning_rate must be
attack backdoor --learning-rate 1e30 | learning_rate must be
attack backdoor --learning-rate nan | learning_rate must be
attack backdoor --learning-rate inf | learning_rate must be
attack backdoor --learning-rate 1e999 | learning_rate must be
attack backdoor --learning-rate fast | --learning-rate
audit --learning-rate 1e30 | learning_rate must be
surface --learning-rate nan | learning_rate must be
attack backdoor --momentum 1 | momentum must be
attack backdoor --momentum -0.5 | momentum must be
attack backdoor --momentum nan | momentum must be
attack backdoor --weight-decay -1 | weight_decay must be
attack backdoor --weight-decay inf | weight_decay must be
attack backdoor --weight-decay 1e30 | weight decay must be
surface --weight-decay 2 --learning-rate 1 | weight decay must be
attack deposit --model mlp --hidden 999999999999 | hidden must be
attack deposit --model mlp --hidden 0 | hidden must be
attack deposit --model mlp --hidden -3 | hidden must be
attack deposit --model mlp --hidden 64,0 | hidden must be
attack deposit --model mlp --hidden 64, | --hidden takes sizes
attack deposit --model mlp --hidden '' | --hidden takes sizes
attack deposit --model mlp --hidden 6.5 | --hidden takes sizes
attack deposit --model mlp --hidden NINES | --hidden takes sizes
attack deposit --model mlp --hidden WIDE | hidden must be at most 100
surface --model mlp --hidden ten | --hidden takes sizes
surface --model mlp --hidden 999999999999 | hidden must be
audit --model cnn --hidden 999999999999 | hidden must be

attack backdoor --model nope | no model 'nope'
surface --model lrr | no model 'lrr'
audit --model LONG | no model
audit --model svm | separates two classes
surface --model cnn --data good.npz | images
audit --protocol crypton | nearest are 'crypten'
surface --protocol '' | no protocol
reproduce table3 --protocol nope | no protocol
attack backdoor --protocol LONG | no protocol
audit --engine real | nearest are 'reals'
surface --engine '' | no engine
surface --engine : | no engine
surface --engine ring: | has no option
surface --engine ring:precision | takes a whole number
surface --engine ring:precision=x | takes a whole number
surface --engine ring:precision=999 | precision
surface --engine ring:precision=-1 | precision
surface --engine ring:truncation=nope | truncation
surface --engine replicated:corrupt=9 | corrupt
surface --engine reals:precision=3 | has no options
reproduce table3 --engine nope | no engine

attack backdoor --hidden 64 | --hidden has no effect on model 'lr'
audit --hidden 64 | --hidden has no effect
surface --model svm --data breast_cancer --hidden 3 | --hidden has no effect
audit --example faulty:example | --example has no effect
surface --example faulty:example | --example has no effect
audit faulty:good --data nosuch --trials -7 | has no effect
audit faulty:good --data digits | --data has no effect
audit faulty:good --trials 3 | --trials has no effect
audit faulty:good --hidden 3 | --hidden has no effect
surface faulty:good --model mlp | --model has no effect
surface faulty:good --epochs 3 | --epochs has no effect
surface faulty:good --learning-rate 0.1 | --learning-rate has no effect
attack --list backdoor | turncoat attack backdoor --help
attack --list --trials 3 | --trials has no effect
attack --list --set strength=1 | --set has no effect
attack --list --monitor | --monitor has no effect
attack --list --out new | --out has no effect
attack --list --model lr | --model has no effect
reproduce table1 --data digits | uses no data set
reproduce table1 --trials 3 | has no trials
reproduce table3 --data nosuch | no data set 'nosuch'
reproduce table3 --data LONG | no data set
reproduce table8 --data acs_income | has no rows of 'acs_income'
reproduce figure2 --data location30 | has no rows of 'location30'
reproduce table9 | has no 'table9'
reproduce | Missing argument

attack backdoor --out taken | is a file
attack backdoor --out taken/inner | cannot write
attack backdoor --out full | other files
attack backdoor --out . | folder you work in
attack backdoor --out '' | folder you work in
attack backdoor --out .. | folder you work in
attack backdoor --out / | folder you work in
attack backdoor --out LONG | too long
attack backdoor --out new/LONG | too long
attack backdoor --out LONG/new | too long
attack backdoor --out loop | cannot
attack backdoor --out ~nobody_of_this_name/x | cannot name a folder
attack backdoor --out /proc/new | cannot write
attack backdoor --out /dev/null | is a file
attack backdoor --out /dev/full | is a file
audit --out taken | is a file
audit --out / | folder you work in
audit faulty:good --out full | other files
surface --out / | folder you work in
surface --out full | other files
surface --out taken | is a file
reproduce table1 --out full | other files
reproduce table1 --out / | folder you work in
data list --out full | other files
data list --out / | folder you work in
data verify digits --out taken | is a file

audit mystep | package.module:name
audit mystep: | package.module:name
audit :step | package.module:name
audit : | package.module:name
audit '' | package.module:name
audit .:step | package.module:name
audit ..mystep:step | package.module:name
audit mystep.py/:step | package.module:name
audit mystep.py:step | no module 'mystep.py'
audit mystepp:step | no module 'mystepp'
audit LONG:step | no module
audit mystep:stepp | nearest are 'step'
audit mystep:LONG | no function
audit faulty:answer | must be a turncoat.Job or a function, not int
audit mystep:step --example | requires an argument
audit mystep:step --example nope | package.module:name
audit mystep:step --example mystep:nope | no function 'nope'
audit mystep:step --example mystep:broken_example | OSError: no such disk, at mystep.py:34
audit mystep:step --example mystep:no_tuple | must return a tuple
audit raises_on_import:step | RuntimeError: not today, at raises_on_import.py:2
audit exits_on_import:step | SystemExit: 7, at exits_on_import.py:2
audit no_syntax:step | SyntaxError: invalid syntax, at no_syntax.py:1
audit needs_more:step | No module named 'a_module_that_nobody_has', at needs_more.py:1
surface mystep:branches | cannot be traced by JAX
surface mystep:branches | bool[], at mystep.py:26
surface mystep:waves | 'bessel_i0e' cannot be computed on secrets, at mystep.py:
surface faulty:raises | faulty:raises failed with ValueError: it is broken, at faulty.py:8
surface faulty:mistypes | at faulty.py:12
surface faulty:recurses | RecursionError
surface faulty:recurses | at faulty.py:16
surface faulty:exits | SystemExit: 5, at faulty.py:20
surface faulty:leaves | SystemExit: 0, at faulty.py:24
surface faulty:quits | faulty:quits failed with Quit: no message, at faulty.py:70
surface faulty:none | returns no array
surface faulty:two | two
surface faulty:good --protocol nope | no protocol
surface faulty:good --engine nope | no engine
surface faulty:good --example faulty:exits_example | SystemExit: 3, at faulty.py:46
surface faulty:good --example faulty:generates | not generator
surface faulty:good --example faulty:nothing | not NoneType
surface faulty:good --example faulty:listed | not list
surface faulty:good --example faulty:keys | not dict
audit faulty:raises | ValueError: it is broken, at faulty.py:8
audit faulty:recurses | RecursionError
audit faulty:exits | SystemExit: 5, at faulty.py:20
audit faulty:leaves | SystemExit: 0, at faulty.py:24
audit faulty:none | returns no array

data nope | No such command
data list extra | unexpected extra argument
data fetch | Missing argument
data fetch digitz | no data set
data fetch '' | no data set
data verify digitz | no data set
data verify '' | no data set
data verify LONG | no data set
data verify purchase100 | turncoat data fetch purchase100
"""
SAID_BY_STEPS = ("shouted", "shouted too", "a word of the user's")
WORDS = {
    "LONG": LONG,
    "NUL": "a\0b",
    "SURROGATE": "a\udcff",
    "NINES": "9" * 5000,
    "WIDE": ",".join("2" * 200),
}
CASES = [line.rpartition(" | ")[::2] for line in BAD.splitlines() if line]


def arguments(line):
    """The words of a line, those in capitals replaced."""
    words = []
    for word in shlex.split(line):
        for name, value in WORDS.items():
            word = word.replace(name, value)
        words.append(word)
    return words


def test_there_are_many_cases():
    assert len(CASES) >= 150 and len(set(CASES)) == len(CASES)


@pytest.mark.parametrize(("line", "says"), CASES)
def test_bad_input_is_one_sentence_and_exit_code_2(folder, line, says):
    before = written(folder)
    ran = turncoat(folder, *arguments(line))
    assert ran.code == 2, ran.err
    assert ran.out == ""
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert len([one for one in ran.err.splitlines() if one not in SAID_BY_STEPS]) == 1
    assert written(folder) == before
