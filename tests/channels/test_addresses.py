"""Nothing of ours goes where only we could go."""

import pytest

from channels import NotSent
from channels.addresses import Forbidden, check_url, is_public, resolve


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
    ],
)
def test_an_address_that_is_not_public_is_known_however_it_is_wrapped(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_an_address_of_the_public_internet_is_known(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "https://",
        "ftp://shop.example/",
        "https://me:secret@shop.example/",
        "https://shop.example/a b",
        "https://shop.example/\r\nx: y",
        "https://shop.example:99999/",
        "https://shöp.example/",
    ],
)
def test_a_url_that_may_not_be_called_is_refused(url):
    with pytest.raises(Forbidden):
        check_url(url, private=False)


def test_a_good_url_is_taken_apart():
    assert check_url("https://shop.example/hook", private=False) == ("shop.example", 443)
    assert check_url("http://127.0.0.1:81/", private=True) == ("127.0.0.1", 81)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433"])
async def test_a_name_for_this_machine_leads_nowhere(host):
    with pytest.raises(NotSent):
        await resolve(host, 443, private=False)
