"""Protocols: one file per framework, its nonlinear functions written over the black box."""

from turncoat.core.protocol import Protocol
from turncoat.protocols.crypten import crypten, crypten_paper
from turncoat.protocols.exact import exact
from turncoat.protocols.mp_spdz import mp_spdz, mp_spdz_approx, mp_spdz_approx5, mp_spdz_paper
from turncoat.protocols.secureml import secureml
from turncoat.protocols.spu import spu, spu_seg3
from turncoat.protocols.tf_encrypted import tf_encrypted, tf_encrypted_5, tf_encrypted_pond
from turncoat.refusal import Refusal, nearest

FRAMEWORKS = (
    *(exact, crypten, crypten_paper, secureml),
    *(mp_spdz, mp_spdz_approx, mp_spdz_approx5, mp_spdz_paper, spu, spu_seg3),
    *(tf_encrypted, tf_encrypted_5, tf_encrypted_pond),
)
CATALOGUE: dict[str, Protocol] = {p.name: p for p in FRAMEWORKS}


def get(name: str) -> Protocol:
    """The protocol of this name; Refusal, naming the nearest, if there is none."""
    if name not in CATALOGUE:
        raise Refusal(f"there is no protocol {name!r}; the nearest are {nearest(name, CATALOGUE)}")
    return CATALOGUE[name]


__all__ = [
    "CATALOGUE",
    "crypten",
    "crypten_paper",
    "exact",
    "get",
    "mp_spdz",
    "mp_spdz_approx",
    "mp_spdz_approx5",
    "mp_spdz_paper",
    "secureml",
    "spu",
    "spu_seg3",
    "tf_encrypted",
    "tf_encrypted_5",
    "tf_encrypted_pond",
]
