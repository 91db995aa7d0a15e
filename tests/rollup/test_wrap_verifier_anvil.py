"""The contract that verifies wrap proofs on anvil: every verdict, with the reasons that the node passes on."""

from __future__ import annotations

import pytest
from support.anvil import needs_anvil, running_anvil
from support.wrap_cases import (
    all_cases,
    cancelling,
    foreign,
    infinities,
    lengths,
    off_curve,
    out_of_range,
    packed,
    valid,
)
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError

from zkroll.errors import VerificationError
from zkroll.rollup.l1.node import Web3Node
from zkroll.rollup.l1.wrap_verifier import (
    WrapVerifier,
    creation_code,
    verify_calldata,
    wrap_verifier_artifact,
)
from zkroll.rollup.testing.chain import LocalChain
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap

pytestmark = [pytest.mark.anvil, needs_anvil]

ONE = SimulatedWrap(preprocessed=1, main=5, helper=3, quotient=3)
TWO = SimulatedWrap(preprocessed=3, main=2, helper=1, quotient=1, chunks=2)
both = pytest.mark.parametrize("wrap", [ONE, TWO], ids=["one chunk", "two chunks"])


@pytest.fixture(scope="module")
def anvil():
    with running_anvil() as node:
        yield node


@pytest.fixture(scope="module")
def addresses(anvil):
    return {wrap: anvil.deploy(creation_code(wrap.key)) for wrap in (ONE, TWO)}


def reason(anvil, address, case, gas=10_000_000):
    data = "0x" + verify_calldata(case.proof, [case.statements]).hex()
    try:
        output = anvil.w3.eth.call({"from": anvil.sender, "to": address, "data": data, "gas": gas})
    except ContractCustomError as error:
        return wrap_verifier_artifact().describe_error(bytes.fromhex(error.data.removeprefix("0x")))
    except (ContractLogicError, Web3RPCError) as error:
        return str(error)
    assert bytes(output) == b""
    return None


@both
def test_cases_of_every_kind_get_their_reason(anvil, addresses, wrap):
    for make in (lengths, out_of_range, infinities, off_curve, foreign, cancelling):
        for case in (valid(wrap), *make(wrap)):
            assert reason(anvil, addresses[wrap], case) == case.reason, case.name


@pytest.mark.slow
@both
def test_every_flipped_bit_gets_its_reason(anvil, addresses, wrap):
    for case in all_cases(wrap):
        assert reason(anvil, addresses[wrap], case) == case.reason, case.name


@both
def test_gas_is_that_of_the_chain_in_this_process(anvil, addresses, wrap):
    case, local = valid(wrap), LocalChain()
    data = verify_calldata(case.proof, [case.statements])
    used = local.call(local.deploy(creation_code(wrap.key)), data).gas
    assert anvil.gas(addresses[wrap], data) == used
    for gas in (used // 2, used - 40_000, used - 1):
        assert reason(anvil, addresses[wrap], case, gas) is not None
    assert reason(anvil, addresses[wrap], case, used + 4_000) is None


def test_the_client_deploys_checks_and_verifies_over_json_rpc(anvil):
    from zkroll.rollup.l1.keys import insecure_development_deployer

    class Node(Web3Node):
        def account(self):
            return insecure_development_deployer()

    sender = insecure_development_deployer().address
    anvil.w3.provider.make_request("anvil_setBalance", [sender, hex(10**20)])
    node = Node("anvil", anvil.w3, lambda raw: bytes(anvil.w3.eth.send_raw_transaction(raw)))
    contract, _ = WrapVerifier.deploy(node, TWO.key)
    contract.check_key(TWO.key)
    with pytest.raises(VerificationError, match="expected the wrap verifier of this key"):
        contract.check_key(SimulatedWrap(3, 2, 1, 1, 2, seed="stranger").key)
    contract.verify(valid(TWO).proof, packed(2))
    with pytest.raises(VerificationError, match=r"anvil: 0x[0-9a-f]{40}: InvalidProof\(\)"):
        contract.verify(valid(TWO).proof, packed(2)[::-1])
